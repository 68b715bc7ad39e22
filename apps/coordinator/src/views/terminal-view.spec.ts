/** The terminal view on a real terminal emulator: what a person would see on the screen, not which bytes were sent. */
import xterm from '@xterm/headless';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../train/events.js';
import { TerminalView } from './terminal-view.js';

const START: RunEvent = {
  event: 'start',
  contract: 'lockstep events 1',
  runId: 'run-1',
  runDirectory: 'runs/one',
  endpoint: 'tcp://127.0.0.1:1',
  preset: 'small',
  presetChosen: false,
  engine: 'wasm 4.22.0',
  device: 'cpu',
  workers: 2,
  minWorkers: 2,
  totalSteps: 200,
  stepsPerEpoch: 50,
  parameters: 1000,
  config: {
    formatVersion: 2,
    text: { sources: ['a.txt'], sha256: 'a'.repeat(64), characters: 1000 },
    vocabularySize: 10,
    vocabularyDigest: 'v',
    order: 'shuffled',
    validationFraction: 0,
    batchSize: 8,
    sequenceLength: 20,
    embedding: 16,
    units: 32,
    init: 'torch',
    initFrom: null,
    optimizer: 'adam',
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    clipNorm: null,
    seed: 1,
    shards: 2,
    wire: 'float32',
    engine: 'wasm',
    device: 'cpu',
    threads: 1,
    digestEvery: 10,
  },
  resumedAt: null,
};

function step(count: number): RunEvent {
  const numbers = { loss: 2.5, gradientNorm: 1, characters: 160, seconds: 0.1, charactersPerSecond: 1600 };
  return { event: 'step', step: count, epoch: 0, ...numbers, weightsDigest: null };
}

const RUNNING: readonly RunEvent[] = [
  START,
  { event: 'worker', worker: 0, status: 'ready', detail: '' },
  { event: 'worker', worker: 1, status: 'ready', detail: '' },
  {
    event: 'assigned',
    step: 0,
    shards: new Map([
      [0, [0]],
      [1, [1]],
    ]),
  },
  { event: 'answered', step: 0, worker: 0, computeSeconds: 0.25 },
  step(50),
];

const DRAW_DEADLINE_MS = 5_000;

/** Waits until the bars of the running workers are on the screen: only then can what follows collide with them. */
async function drawn(output: readonly Buffer[]): Promise<void> {
  const deadline = Date.now() + DRAW_DEADLINE_MS;
  while (!Buffer.concat(output).includes('worker 1  ready')) {
    if (Date.now() > deadline) throw new Error('the bars were not drawn');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Shows a running training, then more events, on a terminal of that width; returns its lines without empty ones. */
async function screenOf(columns: number, more: readonly RunEvent[]): Promise<string[]> {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows: 60 });
  const output: Buffer[] = [];
  stream.on('data', (bytes: Buffer) => output.push(bytes));
  const view = new TerminalView(stream as unknown as NodeJS.WriteStream); // the part of a TTY that the bars use
  for (const event of RUNNING) view.show(event);
  await drawn(output);
  for (const event of more) view.show(event);
  view.close();
  stream.end();
  await finished(stream);
  const terminal = new xterm.Terminal({ cols: columns, rows: 60, allowProposedApi: true, convertEol: true });
  await new Promise<void>((resolve) => terminal.write(Buffer.concat(output), resolve));
  const buffer = terminal.buffer.active;
  const lines = Array.from({ length: buffer.length }, (_, i) =>
    (buffer.getLine(i)?.translateToString() ?? '').trimEnd(),
  );
  return lines.join('\n').trimEnd().split('\n');
}

describe('the terminal view', () => {
  it('shows progress and what each worker does', async () => {
    const lines = await screenOf(100, []);
    expect(lines).toContainEqual(
      expect.stringMatching(/step 50\/200 {2}epoch 1 {2}loss 2\.500 {2}1,600 characters\/s/),
    );
    expect(lines).toContain('worker 0  shard 0  0.25 s a shard');
    expect(lines).toContain('worker 1  ready');
  });

  it.each([120, 60, 40])('at %i columns keeps the numbers, and whole what it logs', async (columns) => {
    const path = `${'checkpoints/'.repeat(8)}step-000050`;
    const text = 'stopping after this step, with a checkpoint; Ctrl-C again leaves at once';
    // The short end of the first falls on the line where a worker stood.
    const notice = { event: 'notice', text } as const;
    const events = [notice, { event: 'checkpoint', step: 50, path }] as const;
    const lines = await screenOf(columns, events);
    for (const logged of [text, `checkpoint ${path}`]) {
      for (let start = 0; start < logged.length; start += columns) {
        expect(lines).toContain(logged.slice(start, start + columns).trimEnd());
      }
    }
    expect(lines.at(-1)).toBe('worker 1  ready');
    expect(lines.filter((line) => line.includes('loss 2.500'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('1,600'))).toHaveLength(1);
  });

  it('writes the sample below the last state of the bars', async () => {
    const lines = await screenOf(80, [
      step(200),
      { event: 'sample', step: 200, isLast: true, prime: 'She ', text: 'was\nglad' },
    ]);
    expect(lines.slice(-2)).toEqual(['She was', 'glad']);
    expect(lines.findIndex((line) => line.includes('200/200'))).toBeGreaterThan(0);
    expect(lines.filter((line) => line.includes('/200'))).toHaveLength(1);
  });

  it('says in a line each what a run recovers from, and lets no text from elsewhere touch the terminal', async () => {
    const late = { worker: 1, name: 'local-1', host: 'h\u001b[2J', activity: 'computing' } as const;
    const lines = await screenOf(160, [
      { event: 'recovered', from: 'checkpoint', step: 40, replayUntil: 50 },
      { event: 'plan', fromStep: 51, shards: 4 },
      { event: 'late', ...late, step: 52, waitedSeconds: 3.21, medians: 12.84 },
      { event: 'quarantined', name: 'bad\nname', detail: 'it computed other bits' },
      { event: 'rejected', worker: 1, reason: 'late', detail: 'gradient of step 3' },
      { event: 'rejected', worker: null, reason: 'damaged', detail: 'received a header that is not text' },
      { event: 'worker', worker: 0, status: 'gone', detail: 'lost\u001b]0;title\u0007' },
    ]);
    const [, ...told] = lines.slice(lines.findIndex((line) => line.startsWith('engine ')));
    expect(told.slice(0, 6)).toEqual([
      'goes on from the checkpoint after step 40; 10 steps computed again and compared with the journal',
      '4 shards a batch from step 51 on',
      'worker 1 (local-1 on h\\u001b[2J) is late at step 52: 3.2 s, 12.8 times as long as others; it says it is ' +
        'computing; others do its work too',
      'bad\\u000aname is not let in again: it computed other bits',
      'ignored from a stranger: damaged, received a header that is not text',
      'worker 0 gone: lost\\u001b]0;title\\u0007',
    ]);
  });
});
