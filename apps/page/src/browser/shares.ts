/** Shares of a whole as one bar and as a list: the bar for the eye, the list with every number. */
import { durationText, shareText } from '../words.js';
import { find, isSameAsBefore, make } from './dom.js';

/**
 * @param id of the element that holds bar and list
 * @param names in the order shown, with what each means
 */
export function showShares(
  id: string,
  seconds: Readonly<Record<string, number>>,
  names: Readonly<Record<string, string>>,
): void {
  const host = find(id);
  if (isSameAsBefore(host, seconds)) return;
  const whole = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  if (whole === 0) {
    host.replaceChildren(make('p', { class: 'empty' }, 'Not measured in this run.'));
    return;
  }
  const parts = Object.keys(names).filter((name) => (seconds[name] ?? 0) > 0);
  const bar = make('div', { class: 'bar', 'aria-hidden': 'true' });
  const list = make('ul', { class: 'shares' });
  for (const name of parts) {
    const [value, place] = [seconds[name] ?? 0, Object.keys(names).indexOf(name)];
    const piece = make('span', { class: `part part-${place}` });
    piece.style.flexGrow = String(value / whole);
    bar.append(piece);
    const swatch = make('span', { class: `swatch part-${place}`, 'aria-hidden': 'true' });
    const numbers = make('span', { class: 'numbers' }, `${shareText(value / whole)}, ${durationText(value)}`);
    list.append(make('li', { title: names[name] }, swatch, make('span', { class: 'name' }, name), numbers));
  }
  host.replaceChildren(bar, list);
}

export const PHASES = {
  data: 'cutting the windows of the batch',
  dispatch: 'handing shards and windows out',
  compute: 'forward and backward on the workers',
  transfer: 'gradients and means on their way',
  reduce: 'summing and dividing gradients',
  apply: 'the update on every replica',
  checkpoint: 'waiting for a checkpoint',
  other: 'everything else',
};

export const RUN_STATES = {
  productive: 'steps that count',
  startup: 'before the first step',
  waiting: 'too few workers',
  recovery: 'finding the weights again, computing steps again',
  checkpoint: 'steps held up by a checkpoint',
};
