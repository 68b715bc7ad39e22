import type { StepLine } from '@lockstep/checkpoint';
import {
  appendFileSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runEventSchema } from '../train/event-schema.js';
import type { RunEvent } from '../train/events.js';
import { boardFolder, nextEventFile } from './board-folder.js';
import { readEvent } from './event-message.js';
import { TensorBoard } from './tensor-board.js';
import { recordsIn } from './tf-record.js';

/** On a busy machine. */
const PATIENT = { timeout: 10_000 };

/** A journal, with as many lives of a board over it as a test wants. */
class Scene {
  readonly folder: string;
  readonly warnings: string[] = [];
  readonly steps: StepLine[] = [];
  journalReads = 0;

  constructor() {
    const root = mkdtempSync(join(tmpdir(), 'lockstep-board-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    this.folder = join(root, 'board');
  }

  life(): TensorBoard {
    const board = new TensorBoard({
      folder: this.folder,
      committed: () => this.steps.length,
      readSteps: async () => {
        this.journalReads += 1;
        return Promise.resolve([...this.steps]);
      },
      warn: (text) => this.warnings.push(text),
    });
    board.begin();
    return board;
  }

  /** Commits steps, of which a board hears unless it is left out. */
  commit(count: number, board?: TensorBoard): void {
    for (let left = count; left > 0; left -= 1) {
      const step = this.steps.length + 1;
      const numbers = { step, epoch: 0, loss: 1 / step, characters: 10, seconds: 0.5, gradientNorm: 2 };
      this.steps.push({ kind: 'step', term: 1, shardDigests: [], ...numbers });
      board?.add({ event: 'step', ...numbers, charactersPerSecond: 20, weightsDigest: null });
    }
  }

  /** Of each file in order: steps for which it has a loss. */
  async lossSteps(): Promise<readonly (readonly number[])[]> {
    return (await this.events()).map((file) => stepsWith(file, 'loss/train'));
  }

  async events(): Promise<readonly (readonly ReturnType<typeof readEvent>[])[]> {
    const files = readdirSync(this.folder).sort();
    return Promise.all(
      files.map(async (name) => {
        const found: ReturnType<typeof readEvent>[] = [];
        const chunks = createReadStream(join(this.folder, name)) as AsyncIterable<Buffer>;
        for await (const data of recordsIn(chunks)) found.push(readEvent(data));
        return found;
      }),
    );
  }
}

function stepsWith(events: readonly ReturnType<typeof readEvent>[], tag: string): readonly number[] {
  return events.filter(({ tags }) => tags.includes(tag)).map(({ step }) => step);
}

const range = (from: number, until: number): readonly number[] =>
  Array.from({ length: until - from + 1 }, (_, index) => from + index);

/** That of a real run. */
const examples = readFileSync(new URL('../../../../docs/events.examples.ndjson', import.meta.url), 'utf8');
const start = runEventSchema.parse(JSON.parse(examples.slice(0, examples.indexOf('\n'))));

const ready = (worker: number): RunEvent => ({ event: 'worker', worker, status: 'ready', detail: '' });

describe('TensorBoard', () => {
  it('has every step once, over several lives, without reading a journal that says nothing new', async () => {
    const scene = new Scene();
    for (let life = 0; life < 3; life += 1) {
      const board = scene.life();
      board.add(ready(0));
      scene.commit(5, board);
      await board.close();
    }
    expect(await scene.lossSteps()).toEqual([range(1, 5), range(6, 10), range(11, 15)]);
    expect(scene.journalReads).toBe(0);
    const [first] = await scene.events();
    expect(stepsWith(first ?? [], 'workers')).toEqual(range(1, 5));
  });

  it('takes from the journal what an earlier life did not come to write', async () => {
    const scene = new Scene();
    scene.commit(4);
    const first = scene.life();
    scene.commit(3, first);
    await first.close();
    // The coordinator died with these in its queue, and in the middle of writing one.
    scene.commit(1_200);
    const [name = ''] = readdirSync(scene.folder);
    appendFileSync(join(scene.folder, name), Buffer.alloc(5, 1));
    const second = scene.life();
    scene.commit(2, second);
    await second.close();
    expect(await scene.lossSteps()).toEqual([range(1, 7), range(8, 1_209)]);
  });

  it('takes from the journal what it did not hear of', async () => {
    const scene = new Scene();
    const board = scene.life();
    scene.commit(2, board);
    await expect.poll(async () => (await scene.lossSteps())[0], PATIENT).toEqual([1, 2]);
    scene.commit(3);
    scene.commit(2, board);
    await board.close();
    expect(await scene.lossSteps()).toEqual([range(1, 7)]);
  });

  it('goes on before what earlier files say where the journal is shorter', async () => {
    const scene = new Scene();
    const first = scene.life();
    scene.commit(9, first);
    await first.close();
    scene.steps.length = 4;
    const second = scene.life();
    scene.commit(2, second);
    await second.close();
    const [, later = []] = await scene.events();
    expect(stepsWith(later, 'loss/train')).toEqual([5, 6]);
    // The start of a session, which voids what other files have from here on.
    expect(later[1]).toEqual({ step: 5, tags: [] });
  });

  it('says the configuration once, even when the first life ends before the first step', async () => {
    const scene = new Scene();
    for (const steps of [0, 2, 2]) {
      const board = scene.life();
      board.add(start);
      scene.commit(steps, board);
      await board.close();
    }
    expect((await scene.events()).map((events) => stepsWith(events, 'config'))).toEqual([[0], [], []]);
  });

  it('shows validation, samples and the configuration at their steps', async () => {
    const scene = new Scene();
    const board = scene.life();
    scene.commit(3, board);
    board.add({ event: 'validation', step: 3, loss: 2, characters: 10 });
    board.add({ event: 'sample', prime: 'It was ', text: 'a *dark* night\n# and stormy' });
    await board.close();
    const [events = []] = await scene.events();
    expect(stepsWith(events, 'loss/validation')).toEqual([3]);
    expect(stepsWith(events, 'sample')).toEqual([3]);
  });

  it('warns once where its folder cannot be, and leaves the run alone', async () => {
    const scene = new Scene();
    writeFileSync(scene.folder, '');
    const board = scene.life();
    scene.commit(3, board);
    await expect
      .poll(() => scene.warnings, PATIENT)
      .toEqual([expect.stringMatching(/^cannot write for TensorBoard .*EEXIST/)]);
    scene.commit(3, board);
    await board.close();
    expect(scene.warnings).toHaveLength(1);
  });
});

describe('the folder of a run', () => {
  it('is named after its directory and tells runs of one name apart', () => {
    const id = '1f0c2d3e-aaaa';
    expect(boardFolder('logs', '/a/mine', id)).toBe('logs/mine-1f0c2d3e');
    expect(boardFolder('logs', 'runs/2026-11-23T06-15-02-1f0c2d3e/', id)).toBe('logs/2026-11-23T06-15-02-1f0c2d3e');
  });

  it('has file names that sort by life, even when the clock goes back', () => {
    const first = nextEventFile([], 2_000_000_000_000);
    const second = nextEventFile([first], 1_000_000_000_000);
    expect(first).toMatch(/^events\.out\.tfevents\.2000000000\./);
    expect([second, first].sort()).toEqual([first, second]);
  });

  it('may hold other files', async () => {
    const scene = new Scene();
    mkdirSync(scene.folder);
    writeFileSync(join(scene.folder, 'notes.txt'), 'mine');
    const board = scene.life();
    scene.commit(1, board);
    await board.close();
    expect(readdirSync(scene.folder)).toHaveLength(2);
  });
});
