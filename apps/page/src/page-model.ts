/**
 * The state of a page and how updates change it, on both sides of the wire. Everything that grows with a run has a
 * bound here: the curve by thinning, lists by forgetting their oldest.
 */
import type { Entry, Member, MemberChange, PageState, PageUpdate, Span, ValidationPoint } from './contract.js';
import { Curve } from './curve.js';

const ENTRIES_MAX = 300;
const MARKS_MAX = 300;
const VALIDATIONS_MAX = 1_000;
const SPANS_MAX = 100;
const MEMBERS_MAX = 256;

const COORDINATOR = 'coordinator';
/** Each time that it begins to lead is another life. */
const LEADS = 'leads';

export class PageModel {
  readonly curve: Curve;
  #state: Omit<PageState, 'curve'>;

  constructor(state?: PageState) {
    const { curve, ...rest } = state ?? EMPTY;
    this.curve = Curve.from(curve);
    this.#state = rest;
  }

  get state(): PageState {
    return { ...this.#state, curve: this.curve.data };
  }

  toJSON(): PageState {
    return { ...this.#state, curve: this.curve.toJSON() };
  }

  apply(update: PageUpdate): void {
    const state = this.#state;
    switch (update.type) {
      case 'facts':
        this.#state = { ...state, facts: update.facts, outcome: null };
        return;
      case 'steps':
        for (const row of update.rows) this.curve.add(row);
        return;
      case 'validation':
        this.#state = { ...state, validation: withPoint(state.validation, update.point) };
        return;
      case 'entry':
        this.#state = { ...state, ...withEntry(state, update.entry) };
        return;
      case 'member':
        this.#state = { ...state, members: withChange(state.members, update.change) };
        return;
      case 'sample':
        this.#state = { ...state, sample: update.sample };
        return;
      case 'outcome':
        this.#state = { ...state, outcome: update.outcome };
        return;
      case 'status':
        this.#state = { ...state, status: update.status };
    }
  }
}

const EMPTY: PageState = {
  ...{ facts: null, curve: new Curve().data, validation: [], entries: [], marks: [], members: [] },
  ...{ sample: null, outcome: null, status: null },
};

/** One for each step: a pass that was made again counts as it came out last. */
function withPoint(points: readonly ValidationPoint[], point: ValidationPoint): readonly ValidationPoint[] {
  return [...points.filter(({ step }) => step < point.step), point].slice(-VALIDATIONS_MAX);
}

function withEntry({ entries, marks }: Pick<PageState, 'entries' | 'marks'>, entry: Entry) {
  const isMark = entry.kind === 'fault' || entry.kind === 'checkpoint';
  return {
    entries: [...entries, entry].slice(-ENTRIES_MAX),
    marks: isMark ? [...marks, entry].slice(-MARKS_MAX) : marks,
  };
}

/** A new name in a slot is another worker: its row is its own. */
function withChange(members: readonly Member[], change: MemberChange): readonly Member[] {
  const { slot, at, state } = change;
  // With the run all of its workers end; what they say afterwards belongs to its next life.
  if (slot === null && state === 'ended') {
    return members.map(({ spans, ...member }) => ({ ...member, spans: closed(spans, at) }));
  }
  const known = members.findLast((member) => member.slot === slot);
  const name = change.name ?? known?.name ?? (slot === null ? COORDINATOR : `worker ${slot}`);
  if (known?.name !== name) {
    const ended = members.map((member) => (member === known ? { ...known, spans: closed(known.spans, at) } : member));
    const again = ended.find((member) => member.slot === slot && member.name === name);
    const member = again ?? { slot, name, spans: [] };
    const rest = ended.filter((other) => other !== again);
    return [...rest, { ...member, spans: withSpan(member.spans, state, at) }].slice(-MEMBERS_MAX);
  }
  return members.map((member) => (member === known ? { ...known, spans: withSpan(known.spans, state, at) } : member));
}

function withSpan(spans: readonly Span[], state: string, at: string): readonly Span[] {
  const last = spans.at(-1);
  if (last?.until === null && last.state === state && state !== LEADS) return spans;
  return [...closed(spans, at), { state, from: at, until: null }].slice(-SPANS_MAX);
}

function closed(spans: readonly Span[], at: string): readonly Span[] {
  const last = spans.at(-1);
  if (last?.until !== null || last === undefined) return spans;
  return [...spans.slice(0, -1), { ...last, until: at < last.from ? last.from : at }];
}
