/** The live page: takes in what the server tells, and shows it a few times a second at most. */
import { PageModel } from '../page-model.js';
import type { PageState, PageUpdate } from '../contract.js';
import { showAbout } from './about.js';
import { Connection } from './connection.js';
import type { Link } from './connection.js';
import { Curves } from './curves.js';
import { find, setText } from './dom.js';
import { showEntries } from './entries.js';
import { showGlance } from './glance.js';
import { PHASES, RUN_STATES, showShares } from './shares.js';
import { followTheme } from './theme.js';
import { showTimeline } from './timeline.js';
import { showWorkers } from './workers.js';

const SHOW_EVERY_MS = 250;

export function startLive(): void {
  const curves = new Curves();
  let model = new PageModel();
  let link: Link = 'connecting';
  let isDue = false;
  const show = (): void => {
    isDue = false;
    const { state } = model;
    showLink(link, state);
    showAbout(state);
    showGlance(state);
    curves.show(state);
    showEntries(state);
    showWorkers(state.status, state.outcome !== null);
    showShares('phases', state.status?.phases ?? {}, PHASES);
    showShares('run-seconds', state.status?.runSeconds ?? {}, RUN_STATES);
    showTimeline(state);
  };
  const showSoon = (): void => {
    if (isDue) return;
    isDue = true;
    setTimeout(show, SHOW_EVERY_MS);
  };
  const connection = new Connection('feed', {
    onState: (json) => {
      model = new PageModel(JSON.parse(json) as PageState);
      showSoon();
    },
    onUpdate: (json) => {
      model.apply(JSON.parse(json) as PageUpdate);
      showSoon();
    },
    onLink: (now) => {
      // A run that is over has nobody left who could answer.
      if (now === 'lost' && model.state.outcome !== null) connection.close();
      if (now === link) return;
      link = now;
      showLink(link, model.state);
    },
  });
  followTheme(() => curves.redraw());
  connection.open();
}

/** Whether what is shown is of now, in one word that is read aloud when it changes. */
function showLink(link: Link, { outcome, status }: PageState): void {
  const pill = find('link');
  const isOver = outcome !== null;
  pill.dataset['link'] = isOver ? 'over' : link;
  if (isOver) setText(pill, outcome.result);
  else if (link === 'live') setText(pill, status?.state ?? 'live');
  else setText(pill, link === 'lost' ? 'reconnecting …' : 'connecting …');
  find('stale').hidden = isOver || link !== 'lost';
}
