import { acquireRunLock, readHistory, runPaths } from '@lockstep/checkpoint';
import type { RunLock } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { createSchedule, planShards, vocabularyFromCharacters } from '@lockstep/data';
import { weightLayout } from '@lockstep/reduce';
import type { Replica } from '@lockstep/runtime';
import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunEvent } from './events.js';
import { DirectoryStore } from './run-store.js';
import type { DirectoryStoreOptions, StoredPlan } from './run-store.js';

const SIZES = { vocabularySize: 4, embedding: 2, units: 3 };
const LAYOUT = weightLayout(SIZES);
const PLAN: StoredPlan = {
  layout: LAYOUT,
  vocabulary: vocabularyFromCharacters(['a', 'b', 'c']),
  shards: planShards(8, 2),
  totalSteps: 1000,
  schedule: createSchedule({ windowCount: 32, batchSize: 8, order: 'shuffled', seed: 7 }),
  config: {
    formatVersion: 2,
    text: { sources: ['a.txt'], sha256: 'ab'.repeat(32), characters: 1000 },
    ...SIZES,
    vocabularyDigest: 'cd'.repeat(32),
    order: 'shuffled',
    validationFraction: 0,
    batchSize: 8,
    sequenceLength: 4,
    init: 'keras',
    initFrom: null,
    optimizer: 'adam',
    learningRate: 0.001,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    clipNorm: null,
    seed: 7,
    ...{ shards: 2, wire: 'float32' as const },
    engine: 'wasm',
    device: 'cpu',
    threads: 1,
    digestEvery: 1,
  },
};

const folders: string[] = [];
const stores: DirectoryStore[] = [];

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function runFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-run-store-'));
  folders.push(folder);
  return folder;
}

function replicaAt(step: number): Replica {
  const vector = (scale: number): Float32Array =>
    Float32Array.from({ length: LAYOUT.length }, (_, index) => scale * (index + step));
  return { step, optimizerSteps: step, slots: ['m', 'v'], vectors: [vector(0.5), vector(2), vector(-3)] };
}

interface Opened {
  readonly store: DirectoryStore;
  readonly events: RunEvent[];
  readonly lock: RunLock;
}

async function open(path: string, options: Partial<DirectoryStoreOptions> = {}): Promise<Opened> {
  const lock = await acquireRunLock(path);
  const events: RunEvent[] = [];
  const store = await DirectoryStore.open({
    plan: PLAN,
    directory: { path, paths: runPaths(path) },
    lock,
    keep: 10,
    view: { show: (event) => events.push(event), close: () => undefined },
    initial: replicaAt(0),
    ...options,
  });
  stores.push(store);
  return { store, events, lock };
}

async function begin(store: DirectoryStore, term = 1): Promise<void> {
  const startedAt = new Date(0).toISOString();
  await store.begin({ term, incarnation: `life-${term}`, host: 'here', pid: 7, startedAt, computeClass: null });
}

/** Step `step`, from 0. */
function committed(step: number, term = 1): Parameters<DirectoryStore['commit']>[0] {
  const digests = [1, 2].map((shard) => (16 * step + shard).toString(16).padStart(16, '0'));
  const weightsDigest = step % 2 === 0 ? (step + 1).toString(16).padStart(16, 'f') : null;
  const numbers = { loss: 3 - step / 7, characters: 30 + step, gradientNorm: 0.5, seconds: 0.25 };
  return { step, term, ...numbers, weightsDigest, shardDigests: digests };
}

async function commitSteps(store: DirectoryStore, from: number, to: number, term = 1): Promise<void> {
  const steps = Array.from({ length: to - from }, (_, index) => from + index);
  await Promise.all(steps.map((step) => store.commit(committed(step, term))));
}

async function refusalOf(operation: Promise<unknown>): Promise<LockstepError> {
  const outcome = await operation.then(
    () => 'it did not fail',
    (thrown: unknown) => thrown,
  );
  return outcome instanceof LockstepError ? outcome : expect.fail(`expected a LockstepError, got ${String(outcome)}`);
}

const textsOf = (events: readonly RunEvent[], kind: 'warning' | 'notice'): readonly string[] =>
  events.flatMap((event) => (event.event === kind ? [event.text] : []));

describe('a store', () => {
  it('shows and counts a step only once its line is on the disk', async () => {
    const path = runFolder();
    const lock = await acquireRunLock(path);
    const seen: boolean[] = [];
    const paths = runPaths(path);
    const view = {
      show: (event: RunEvent) => {
        if (event.event !== 'step') return;
        seen.push(readFileSync(paths.journal, 'utf8').includes(`"kind":"step","step":${event.step},`));
      },
      close: () => undefined,
    };
    const options = { plan: PLAN, directory: { path, paths }, lock, keep: 1, view, initial: replicaAt(0) };
    const store = await DirectoryStore.open(options);
    stores.push(store);
    await begin(store);
    const committing = commitSteps(store, 0, 3);
    expect([store.characters, store.journalled]).toEqual([0, 0]);
    await committing;
    expect([seen, store.characters, store.journalled]).toEqual([[true, true, true], 93, 3]);
  });

  it('journals life, plan and steps, and a second life no plan again', async () => {
    const path = runFolder();
    const first = await open(path);
    await begin(first.store);
    await commitSteps(first.store, 0, 3);
    await first.store.plan({ fromStep: 5, shards: planShards(8, 4) });
    await first.store.close();
    await first.lock.release();
    const { store } = await open(path);
    expect(store.history.term).toBe(1);
    await begin(store, 2);
    await commitSteps(store, 3, 6, 2);
    const history = await readHistory(runPaths(path).journal);
    expect(history.lives.map(({ term, step }) => [term, step])).toEqual([
      [1, 0],
      [2, 3],
    ]);
    expect(history.plans).toEqual([
      {
        fromStep: 1,
        shards: [
          [0, 4],
          [4, 8],
        ],
      },
      {
        fromStep: 6,
        shards: [
          [0, 2],
          [2, 4],
          [4, 6],
          [6, 8],
        ],
      },
    ]);
    expect(history.steps.map(({ step, term, epoch }) => [step, term, epoch])).toEqual([
      [1, 1, 0],
      [2, 1, 0],
      [3, 1, 0],
      [4, 2, 0],
      [5, 2, 1],
      [6, 2, 1],
    ]);
    expect(history.steps[0]).not.toHaveProperty('plan');
  });

  it('sums up a run taken up again as one that was never interrupted', async () => {
    const [whole, cut] = [runFolder(), runFolder()];
    const uninterrupted = await open(whole);
    await begin(uninterrupted.store);
    await commitSteps(uninterrupted.store, 0, 9);
    const before = await open(cut);
    await begin(before.store);
    await commitSteps(before.store, 0, 5);
    await before.store.close();
    await before.lock.release();
    const after = await open(cut);
    await begin(after.store, 2);
    await commitSteps(after.store, 5, 9, 2);
    const sums = ({ store }: Opened): unknown => [
      store.characters,
      store.epochMeanLoss,
      store.lastLoss,
      store.overallRate,
      store.recentRate,
      store.journalled,
    ];
    expect(sums(after)).toEqual(sums(uninterrupted));
    expect(after.store.epochMeanLoss).toHaveLength(3);
  });

  it.each([
    [0, 'twice'],
    [1, 'twice'],
    [3, 'too early'],
  ])('takes step %i, %s, for a bug', async (step) => {
    const { store } = await open(runFolder());
    await begin(store);
    await commitSteps(store, 0, 2);
    const refusal = await refusalOf(store.commit(committed(step)));
    expect([refusal.kind, refusal.message]).toEqual(['internal', expect.stringContaining('after step 2')]);
    expect((await readHistory(runPaths(folders[0] ?? '').journal)).steps).toHaveLength(2);
  });

  it('writes nothing once another has its lock', async () => {
    const path = runFolder();
    const old = await open(path);
    await begin(old.store);
    await commitSteps(old.store, 0, 2);
    await old.store.checkpoint(replicaAt(0));
    rmSync(old.lock.path);
    const { store } = await open(path);
    await begin(store, 2);
    const journal = readFileSync(runPaths(path).journal, 'utf8');
    for (const writing of [old.store.commit(committed(2)), old.store.checkpoint(replicaAt(2))]) {
      const refusal = await refusalOf(writing);
      expect([refusal.exitCode, refusal.message]).toEqual([73, expect.stringContaining(`process ${process.pid} on`)]);
    }
    expect(readFileSync(runPaths(path).journal, 'utf8')).toBe(journal);
    expect(readdirSync(runPaths(path).checkpoints)).toEqual(['step-000000']);
    expect(old.events.filter(({ event }) => event === 'step')).toHaveLength(2);
  });
});

describe('restoring', () => {
  async function runOf(checkpoints: readonly number[], steps: number): Promise<Opened & { readonly path: string }> {
    const path = runFolder();
    const opened = await open(path);
    await begin(opened.store);
    await commitSteps(opened.store, 0, steps);
    for (const step of checkpoints) await opened.store.checkpoint(replicaAt(step));
    return { ...opened, path };
  }
  const weightsOf = (path: string, step: number): string =>
    join(runPaths(path).checkpoints, `step-00000${step}`, 'weights.safetensors');

  it('gives the newest checkpoint and the steps after it', async () => {
    const { store } = await runOf([0, 2, 4], 6);
    const { replica, history } = await store.restore();
    expect(replica).toEqual(replicaAt(4));
    expect(history).toEqual(
      [4, 5].map((step) => {
        const { loss, shardDigests, weightsDigest } = committed(step);
        return { step, loss, shardDigests, weightsDigest };
      }),
    );
    expect(await store.newestCheckpointStep()).toBe(4);
  });

  it('waits for what is still being written', async () => {
    const { store } = await runOf([0], 3);
    const writing = [store.checkpoint(replicaAt(3)), store.commit(committed(3))];
    const { replica, history } = await store.restore();
    expect([replica.step, history.map(({ step }) => step)]).toEqual([3, [3]]);
    await Promise.all(writing);
  });

  it('names what it passes over, down to step 0', async () => {
    const { store, events, path } = await runOf([0, 2, 4], 6);
    truncateSync(weightsOf(path, 4), 600);
    writeFileSync(weightsOf(path, 2), 'nonsense');
    const { replica, history } = await store.restore();
    expect([replica, history.length]).toEqual([replicaAt(0), 6]);
    expect(textsOf(events, 'warning')).toEqual([
      expect.stringMatching(/^passed over .*step-000004: .*has 600$/),
      expect.stringMatching(/^passed over .*step-000002: /),
    ]);
  });

  it('passes over a checkpoint that the journal does not reach', async () => {
    const { store, events } = await runOf([0, 2, 4], 3);
    expect((await store.restore()).replica.step).toBe(2);
    expect(textsOf(events, 'warning')).toEqual([
      expect.stringMatching(/^passed over .*step-000004: the journal ends before it, at step 3$/),
    ]);
    expect(await store.newestCheckpointStep()).toBe(2);
  });

  it('never starts from nothing when all are bad: each reason is listed', async () => {
    const { store, path } = await runOf([0, 2], 6);
    for (const step of [0, 2]) truncateSync(weightsOf(path, step), 10);
    const refusal = await refusalOf(store.restore());
    expect([refusal.exitCode, refusal.message]).toEqual([65, expect.stringMatching(/step-000002.*; .*step-000000/)]);
    rmSync(runPaths(path).checkpoints, { recursive: true });
    expect((await refusalOf(store.restore())).message).toMatch(/^no sound checkpoint in /);
  });

  it('gives the first weights of a run that was killed before its first checkpoint', async () => {
    const { store, events } = await runOf([], 0);
    expect(await store.restore()).toEqual({ replica: replicaAt(0), history: [] });
    expect(textsOf(events, 'warning')).toEqual([]);
  });

  it('refuses a checkpoint of another model', async () => {
    const { store, path } = await runOf([0], 1);
    const other = await DirectoryStore.open({
      plan: { ...PLAN, layout: weightLayout({ ...SIZES, units: 5 }) },
      directory: { path, paths: runPaths(path) },
      lock: { path: '', assertHeld: () => Promise.resolve(), release: () => Promise.resolve() },
      keep: 1,
      view: { show: () => undefined, close: () => undefined },
      initial: replicaAt(0),
    });
    stores.push(other);
    expect((await refusalOf(other.restore())).message).toMatch(/step-000000 is of another model/);
    expect((await store.restore()).replica.step).toBe(0);
  });
});

interface Refused extends Opened {
  readonly path: string;
  readonly inTheWay: string;
}

describe('a checkpoint that the disk refuses', () => {
  /** A run whose next checkpoint has a file in its place: nobody, root neither, can rename a folder over that. */
  async function refused(options: Partial<DirectoryStoreOptions>): Promise<Refused> {
    const path = runFolder();
    const opened = await open(path, options);
    await begin(opened.store);
    await opened.store.checkpoint(replicaAt(0));
    await opened.store.commit(committed(0));
    const inTheWay = join(runPaths(path).checkpoints, 'step-000001');
    writeFileSync(inTheWay, '');
    return { ...opened, path, inTheWay };
  }

  async function untilWarned(events: readonly RunEvent[]): Promise<void> {
    const deadlineMs = performance.now() + 10_000;
    while (textsOf(events, 'warning').length === 0) {
      if (performance.now() > deadlineMs) expect.fail('nothing was said');
      await new Promise(setImmediate);
    }
  }

  it('does not stop the run, is said once, and written as soon as it can be', async () => {
    const { store, events, path, inTheWay } = await refused({ times: { firstMs: 1, lastMs: 4, limitMs: 60_000 } });
    const writing = store.checkpoint(replicaAt(1));
    await untilWarned(events);
    await store.commit(committed(1));
    expect(textsOf(events, 'warning')).toEqual([
      expect.stringMatching(
        /^cannot write the checkpoint of step 1: cannot rename to .*\(ENOTDIR\); .*; will try again$/,
      ),
    ]);
    rmSync(inTheWay);
    await writing;
    expect(textsOf(events, 'notice')).toEqual(['checkpoints are written again']);
    expect(readdirSync(runPaths(path).checkpoints).sort()).toEqual(['step-000000', 'step-000001']);
  });

  it.each(['the last step', 'finish'])('is not confused with the end of the run: %s', async (end) => {
    const { store, events } = await open(runFolder(), { plan: { ...PLAN, totalSteps: 1 } });
    await begin(store);
    const writing = store.checkpoint(replicaAt(0));
    if (end === 'finish') store.finish();
    await store.commit(committed(0));
    await Promise.all([writing, store.checkpoint(replicaAt(1))]);
    expect(textsOf(events, 'warning')).toEqual([]);
    expect(store.latestCheckpoint?.step).toBe(1);
  });

  it.each(['the last step', 'finish'])('fails the run a while after %s, with the way to go on', async (end) => {
    const plan = { ...PLAN, totalSteps: 2 };
    const { store, events, path } = await refused({ plan, times: { firstMs: 1, lastMs: 4, limitMs: 50 } });
    const writing = refusalOf(store.checkpoint(replicaAt(1)));
    await untilWarned(events);
    if (end === 'finish') store.finish();
    else await store.commit(committed(1));
    const refusal = await writing;
    expect([refusal.exitCode, refusal.hint]).toEqual([
      74,
      `free some space, then go on with: lockstep train --resume ${path}`,
    ]);
    expect(refusal.message).toMatch(/\(ENOTDIR\); the last good checkpoint is .*step-000000$/);
    expect((await store.restore()).replica).toEqual(replicaAt(0));
  });
});
