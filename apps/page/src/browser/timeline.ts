/** Who was there when, and in which state: a row for each member, and the same as a table. */
import type { Member, PageState, Span } from '../contract.js';
import { clockText, durationText } from '../words.js';
import { find, isSameAsBefore, make, row, setRows, setText } from './dom.js';

const TICKS = 5;
/** Shorter than this share of the whole nothing could be seen. */
const SHARE_MIN = 0.003;

export function showTimeline({ members, outcome, status }: PageState): void {
  const host = find('timeline');
  const started = members.flatMap(({ spans }) => spans.map(({ from }) => Date.parse(from)));
  const ended = members.flatMap(({ spans }) => spans.map(({ until, from }) => Date.parse(until ?? from)));
  if (started.length === 0) {
    host.replaceChildren(make('p', { class: 'empty' }, 'Nobody has joined yet.'));
    return;
  }
  const isOver = outcome !== null || (status !== null && ENDED.has(status.state));
  const from = Math.min(...started);
  const until = Math.max(from + 1_000, ...ended, isOver ? 0 : Date.now());
  const seconds = Math.round((until - from) / 1000);
  if (isSameAsBefore(host, [members, seconds])) return;
  host.replaceChildren(...inOrder(members).map((member) => memberRow(member, from, until)), ticks(from, until));
  setText(find('timeline-note'), `${durationText(seconds)} in all`);
  const table = find('timeline-table') as HTMLDetailsElement;
  if (table.open) showTable(table, inOrder(members));
  table.ontoggle = () => showTable(table, inOrder(members));
}

/** The coordinator, then workers by their numbers. */
function inOrder(members: readonly Member[]): readonly Member[] {
  return [...members].sort((a, b) => (a.slot ?? -1) - (b.slot ?? -1));
}

const ENDED = new Set(['done', 'stopped', 'failed', 'died']);

function memberRow({ slot, name, spans }: Member, from: number, until: number): HTMLElement {
  const track = make('div', { class: 'track' });
  for (const span of spans) {
    const [begin, end] = [Date.parse(span.from), span.until === null ? until : Date.parse(span.until)];
    const piece = make('span', { class: `span state-${span.state}`, title: spanText(span, until) });
    piece.style.left = `${(100 * (begin - from)) / (until - from)}%`;
    piece.style.width = `${Math.max(100 * SHARE_MIN, (100 * (end - begin)) / (until - from))}%`;
    track.append(piece);
  }
  const label = slot === null ? name : `${slot}  ${name}`;
  return make('div', { class: 'member' }, make('span', { class: 'label', title: label }, label), track);
}

function ticks(from: number, until: number): HTMLElement {
  const axis = make('div', { class: 'axis' });
  for (let tick = 0; tick < TICKS; tick += 1) {
    const at = from + ((until - from) * tick) / (TICKS - 1);
    axis.append(make('span', {}, clockText(new Date(at), until - from < 10 * 60_000)));
  }
  return make('div', { class: 'member ticks' }, make('span', { class: 'label' }), axis);
}

function spanText({ state, from, until }: Span, now: number): string {
  const seconds = ((until === null ? now : Date.parse(until)) - Date.parse(from)) / 1000;
  return `${state} for ${durationText(Math.max(0, seconds))}, from ${clockText(new Date(from), true)}`;
}

function showTable(table: HTMLDetailsElement, members: readonly Member[]): void {
  if (!table.open) return;
  const rows = members.flatMap(({ slot, name, spans }) =>
    spans.map(({ state, from, until }) => {
      const clock = (time: string): string => clockText(new Date(time), true);
      return row(slot === null ? name : `${slot} ${name}`, state, clock(from), until === null ? 'now' : clock(until));
    }),
  );
  setRows(table, rows);
}
