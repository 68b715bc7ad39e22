/** What has happened, the newest first; what a reader must not miss is said aloud. */
import type { Entry, PageState } from '../contract.js';
import { clockText, countText } from '../words.js';
import { find, isSameAsBefore, make, setText } from './dom.js';

const SHOWN_MAX = 100;
const LOUD = new Set(['fault', 'recovery', 'end']);
const SIGNS = {
  ...{ fault: 'fault', warning: 'warning', recovery: 'recovered', checkpoint: 'saved' },
  ...{ member: 'worker', end: 'end', info: 'note' },
};

let saidUntil = '';

export function showEntries({ entries }: PageState): void {
  const list = find('entries');
  const newest = entries.at(-1);
  if (isSameAsBefore(list, [newest, entries.length])) return;
  const shown = entries.slice(-SHOWN_MAX).reverse();
  list.replaceChildren(...shown.map(entryItem));
  say(entries);
}

function entryItem({ at, step, kind, text }: Entry): HTMLLIElement {
  const time = make('time', { datetime: at }, clockText(new Date(at), true));
  const head = make('span', { class: 'entry-head' });
  head.append(make('span', { class: `sign sign-${kind}` }, SIGNS[kind]), time, ` step ${countText(step)}`);
  return make('li', { class: `entry entry-${kind}` }, head, make('span', { class: 'entry-text' }, text));
}

/** The latest of what came since the page was opened. */
function say(entries: readonly Entry[]): void {
  const isFirst = saidUntil === '';
  const fresh = entries.filter(({ at, kind }) => at > saidUntil && LOUD.has(kind));
  saidUntil = entries.at(-1)?.at ?? saidUntil;
  const latest = fresh.at(-1);
  if (!isFirst && latest !== undefined) setText(find('said'), latest.text);
}
