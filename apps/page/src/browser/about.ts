/** What the run is: its name, its sizes, its configuration; and the latest text it wrote. */
import type { PageState } from '../contract.js';
import { countText } from '../words.js';
import { find, isSameAsBefore, make, row, setRows, setText } from './dom.js';

export function showAbout({ facts, sample, outcome }: PageState): void {
  if (facts !== null && !isSameAsBefore(find('run-name'), facts)) {
    document.title = `${facts.name} · lockstep`;
    setText(find('run-name'), facts.name);
    const { engine, device, preset, parameters } = facts;
    setText(find('run-line'), `${preset}, ${countText(parameters)} weights, ${engine} on ${device.toUpperCase()}`);
    setRows(
      find('config-table'),
      [['run', facts.runId] as const, ...facts.config].map(([name, value]) => row(name, value)),
    );
  }
  const place = find('sample');
  if (!isSameAsBefore(place, sample)) {
    if (sample === null) place.replaceChildren(make('p', { class: 'empty' }, 'None yet: see --sample-every.'));
    else place.replaceChildren(make('pre', { tabindex: '0' }, make('b', {}, sample.prime), sample.text));
    setText(
      find('sample-note'),
      sample === null ? '' : `after step ${countText(sample.step)}; what it went on from is bold`,
    );
  }
  const digest = find('digest');
  digest.hidden = outcome === null;
  if (outcome !== null) setText(find('digest-text'), outcome.weightsSha256);
}
