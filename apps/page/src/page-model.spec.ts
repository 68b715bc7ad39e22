import { describe, expect, it } from 'vitest';
import type { Entry, EntryKind, PageState, PageUpdate } from './contract.js';
import { PageModel } from './page-model.js';

const at = (second: number): string => new Date(1_000 * second).toISOString();
const entry = (step: number, kind: EntryKind): PageUpdate => ({
  type: 'entry',
  entry: { at: at(step), step, kind, text: `${kind} ${step}` } satisfies Entry,
});
const member = (second: number, slot: number | null, state: string, name: string | null = null): PageUpdate => ({
  type: 'member',
  change: { at: at(second), slot, name, state },
});

function modelOf(...updates: readonly PageUpdate[]): PageModel {
  const model = new PageModel();
  for (const update of updates) model.apply(update);
  return model;
}

const spansOf = ({ state }: PageModel): readonly string[] =>
  state.members.map(({ name, spans }) => {
    const second = (time: string | null): string => (time === null ? '' : String(Date.parse(time) / 1000));
    const words = spans.map(({ state: word, from, until }) => `${word} ${second(from)}-${second(until)}`);
    return `${name}: ${words.join(', ')}`;
  });

describe('the state of a page', () => {
  it('is the same after a journey as JSON, whatever comes then', () => {
    const before: PageUpdate[] = [
      { type: 'steps', rows: [[1, 4, 100, 1]] },
      entry(1, 'fault'),
      member(1, 0, 'ready', 'local-0'),
      { type: 'validation', point: { step: 1, loss: 3 } },
      { type: 'sample', sample: { step: 1, prime: 'She ', text: 'was' } },
    ];
    const after: PageUpdate[] = [{ type: 'steps', rows: [[2, 3, 100, 1]] }, member(2, 0, 'gone')];
    const here = modelOf(...before, ...after);
    const there = new PageModel(JSON.parse(JSON.stringify(modelOf(...before))) as PageState);
    for (const update of after) there.apply(update);
    expect(there.state).toEqual(here.state);
    expect(here.state.curve.step).toEqual([1, 2]);
  });

  it('forgets the oldest lines, and marks later than those', () => {
    const entries = Array.from({ length: 1_000 }, (_, index) => entry(index, index === 0 ? 'checkpoint' : 'info'));
    const { state } = modelOf(...entries);
    expect(state.entries).toHaveLength(300);
    expect(state.entries.at(-1)?.step).toBe(999);
    expect(state.marks.map(({ step }) => step)).toEqual([0]);
    const faults = Array.from({ length: 1_000 }, (_, index) => entry(index, 'fault'));
    expect(modelOf(...faults).state.marks).toHaveLength(300);
  });

  it('has a validation loss once for each step, the latest one', () => {
    const point = (step: number, loss: number): PageUpdate => ({ type: 'validation', point: { step, loss } });
    const { validation } = modelOf(point(10, 3), point(20, 2), point(10, 2.5)).state;
    expect(validation).toEqual([{ step: 10, loss: 2.5 }]);
  });

  it('is of a run that goes on again, once it has begun again', () => {
    const outcome = { result: 'stopped', steps: 1, validationLoss: null, weightsSha256: '', charactersPerSecond: 1 };
    const facts = { runId: 'r', name: 'n', engine: 'e', device: 'cpu', preset: 'tiny', parameters: 1 };
    const model = modelOf({ type: 'outcome', outcome: { ...outcome, wallSeconds: 1 } });
    expect(model.state.outcome?.result).toBe('stopped');
    model.apply({ type: 'facts', facts: { ...facts, totalSteps: 2, stepsPerEpoch: 1, config: [] } });
    expect(model.state.outcome).toBeNull();
  });
});

describe('the timeline', () => {
  it('gives each worker a row, and one that comes back its old row', () => {
    const changes = [
      ...[member(1, 0, 'preparing', 'local-0'), member(2, 0, 'ready'), member(3, 0, 'gone')],
      ...[member(4, 0, 'preparing', 'local-0'), member(5, 0, 'ready')],
    ];
    expect(spansOf(modelOf(...changes))).toEqual([
      'local-0: preparing 1-2, ready 2-3, gone 3-4, preparing 4-5, ready 5-',
    ]);
  });

  it('gives another worker in the same slot a row of its own', () => {
    const changes = [member(1, 0, 'ready', 'a'), member(2, 0, 'left'), member(3, 0, 'ready', 'b')];
    expect(spansOf(modelOf(...changes))).toEqual(['a: ready 1-2, left 2-3', 'b: ready 3-']);
  });

  it('shows each life of the coordinator, and what was between them', () => {
    const changes = [
      member(1, null, 'leads'),
      member(5, null, 'away'),
      member(7, null, 'leads'),
      member(9, null, 'leads'),
    ];
    expect(spansOf(modelOf(...changes))).toEqual(['coordinator: leads 1-5, away 5-7, leads 7-9, leads 9-']);
  });

  it('ends with the run, for all', () => {
    const changes = [
      member(1, null, 'leads'),
      member(1, 0, 'ready', 'a'),
      member(4, null, 'ended'),
      member(8, null, 'leads'),
    ];
    expect(spansOf(modelOf(...changes))).toEqual(['coordinator: leads 1-4, leads 8-', 'a: ready 1-4']);
  });

  it('has a bound for a worker that comes and goes', () => {
    const changes = Array.from({ length: 1_000 }, (_, index) => member(index, 0, index % 2 === 0 ? 'ready' : 'gone'));
    expect(modelOf(...changes).state.members[0]?.spans).toHaveLength(100);
  });
});
