/** The live page as a program sees it: its state and its feed, while processes of the run die. */
import type { PageState, PageUpdate } from '@lockstep/page';
import { PageModel } from '@lockstep/page';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lockstep, LockstepProcess, readJson, stepsOf, tinyRun, waitFor, workersOf } from './lockstep-process.js';

/** Follows a feed as a browser does, through the death of whoever serves it. */
class FeedReader {
  readonly states: PageState[] = [];
  model = new PageModel();
  #lastId = '';
  #isClosed = false;

  constructor(url: string) {
    void this.#follow(url);
    onTestFinished(() => this.close());
  }

  close(): void {
    this.#isClosed = true;
  }

  async until<T>(what: string, ask: (state: PageState) => T | undefined | false): Promise<T> {
    return waitFor(what, () => ask(this.model.state));
  }

  async #follow(url: string): Promise<void> {
    while (!this.#isClosed) {
      await this.#read(`${url}feed?last=${this.#lastId}`).catch(() => undefined);
      await delay(100);
    }
  }

  async #read(url: string): Promise<void> {
    const { body, status } = await fetch(url);
    if (status !== 200 || body === null) return;
    let text = '';
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      if (this.#isClosed) return;
      const frames = (text + Buffer.from(chunk).toString('utf8')).split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) this.#take(frame);
    }
  }

  #take(frame: string): void {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1] ?? '';
    const [id, event, data] = [field('id'), field('event'), field('data')];
    if (id !== '') this.#lastId = id;
    if (event === 'state') {
      this.states.push(JSON.parse(data) as PageState);
      this.model = new PageModel(JSON.parse(data) as PageState);
    }
    if (event === 'update') this.model.apply(JSON.parse(data) as PageUpdate);
  }
}

const stepsIn = ({ curve }: PageState): number => curve.count.reduce((sum, count) => sum + count, 0);
const faultsIn = ({ marks }: PageState): readonly string[] =>
  marks.filter(({ kind }) => kind === 'fault').map(({ text }) => text);
const stateAt = async (url: string): Promise<PageState> =>
  (await (await fetch(`${url}state.json`)).json()) as PageState;

function coordinatorOf(run: string): number {
  return Number((readJson(run, 'run.json')['coordinator'] as { pid: number }).pid);
}

describe('the live page of a run', () => {
  it('tells of a worker and of a coordinator that were killed, and of every step', async () => {
    const { run, args } = tinyRun('--steps', '600', '--metrics-port', '0', '--checkpoint-every', '50', '--json');
    const process = new LockstepProcess([...args, '--validation-fraction', '0.1']);
    const notice = await process.event(({ text }) => String(text).startsWith('live page '));
    const url = String(notice['text']).slice('live page '.length);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const reader = new FeedReader(url);
    const early = await reader.until('steps', (state) => stepsIn(state) >= 20 && stepsIn(state));
    const runId = String(readJson(run, 'run.json')['runId']);
    globalThis.process.kill(workersOf(runId)[0] ?? 0, 'SIGKILL');
    // Whether its process or its connection is missed first is a matter of chance.
    const lost = await reader.until('the loss of a worker', (state) =>
      faultsIn(state).find((text) => /^worker \d gone: /.test(text)),
    );
    // The record of events is written when there is time: a coordinator that dies at once takes the latest along.
    await waitFor('the record of it', () => readFileSync(`${run}/events.ndjson`, 'utf8').includes('"gone"'));
    await reader.until(
      'the worker again',
      ({ status }) => status?.workers.filter(({ state }) => state === 'ready').length === 2,
    );
    globalThis.process.kill(coordinatorOf(run), 'SIGKILL');
    const again = await reader.until('the next coordinator', (state) => {
      return reader.states.length === 2 && faultsIn(state).find((text) => text.includes('started again (term 2)'));
    });
    expect(again).toContain('the coordinator ended by SIGKILL');
    // What was told before the coordinator died is known to the next one.
    expect(faultsIn(reader.states[1])).toContain(lost);
    expect(stepsIn(reader.states[1])).toBeGreaterThanOrEqual(early);
    await reader.until('the end', ({ outcome }) => outcome?.result === 'done');
    const { state } = reader.model;
    expect(stepsIn(state)).toBe(600);
    expect(state.sample?.text.length).toBeGreaterThan(100);
    expect(state.validation.length).toBeGreaterThan(0);
    expect(state.marks.filter(({ kind }) => kind === 'checkpoint').length).toBeGreaterThan(1);
    expect(state.members.map(({ name }) => name).sort()).toEqual(['coordinator', 'local-0', 'local-1']);
    const [coordinator] = state.members.filter(({ slot }) => slot === null);
    expect(coordinator?.spans.map(({ state: word }) => word)).toEqual(['leads', 'away', 'leads']);
    expect(Object.values(state.status?.phases ?? {}).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0);
    expect((await process.end()).code).toBe(0);
    reader.close();
    await expectSameFromFiles(run, state);
  });

  it('is at the port asked for, or the run does not begin', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { run, args } = tinyRun('--steps', '2', '--metrics-port', String(port), '--quiet');
    const { code, stderr } = await lockstep(args);
    expect(stderr).toMatch(/^lockstep: cannot serve at 127\.0\.0\.1:\d+: EADDRINUSE; give another --metrics-port/);
    expect(code).toBe(69);
    expect(existsSync(run)).toBe(false);
  });

  it('is nowhere with --no-metrics', async () => {
    const { run, args } = tinyRun('--steps', '2', '--no-metrics', '--json');
    const { code, stdout } = await lockstep(args);
    expect(code).toBe(0);
    expect(stdout).not.toContain('live page');
    expect(readJson(run, 'run.json')['metrics']).toBeNull();
  });
});

/** `lockstep view` tells what the coordinator told, from the files alone. */
async function expectSameFromFiles(run: string, live: PageState): Promise<void> {
  const process = new LockstepProcess(['view', run]);
  const url = await waitFor('the link', () => /: (http:\S+) \(Ctrl-C ends\)\n/.exec(process.stdout)?.[1]);
  const state = await stateAt(url);
  expect(stepsIn(state)).toBe(stepsOf(run).length);
  expect(state.curve.step).toEqual(live.curve.step);
  expect(state.validation).toEqual(live.validation);
  expect(state.sample).toEqual(live.sample);
  expect(state.outcome).toEqual(live.outcome);
  expect(faultsIn(state)).toEqual(faultsIn(live));
  expect(state.status?.state).toBe('done');
  process.child.kill('SIGINT');
  expect(await process.end()).toMatchObject({ code: 0, stderr: '' });
}

describe('lockstep view', () => {
  it('follows a run that goes on, without asking it', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--no-metrics', '--json');
    const process = new LockstepProcess(args);
    await process.event(({ event }) => event === 'step');
    await waitFor('the run file', () => existsSync(`${run}/run.json`));
    const view = new LockstepProcess(['view', run, '--port', '0']);
    const url = await waitFor('the link', () => /: (http:\S+) \(Ctrl-C ends\)\n/.exec(view.stdout)?.[1]);
    const reader = new FeedReader(url);
    const before = await reader.until('steps', (state) => stepsIn(state));
    await reader.until('more steps', (state) => stepsIn(state) > before + 20);
    await reader.until('its workers', ({ status }) => status?.state === 'running' && status.workers.length === 2);
    process.child.kill('SIGINT');
    await process.end();
    await reader.until('its end', ({ outcome }) => outcome?.result === 'stopped');
    expect(stepsIn(reader.model.state)).toBe(stepsOf(run).length);
    view.child.kill('SIGTERM');
    expect((await view.end()).code).toBe(0);
  });

  it('needs a run', async () => {
    const { code, stderr } = await lockstep(['view', 'nowhere']);
    expect({ code, stderr }).toEqual({ code: 64, stderr: 'lockstep: there is no folder nowhere; check the path\n' });
  });
});

describe('lockstep compare', () => {
  it('says what sets runs apart, and that equal ones are equal', async () => {
    const one = tinyRun('--steps', '30', '--no-metrics', '--quiet', '--shards', '2');
    const args = one.args.map((arg) => (arg === one.run ? `${one.run}-again` : arg));
    const other = one.args.map((arg) => (arg === one.run ? `${one.run}-other` : arg));
    await lockstep(one.args);
    await lockstep([...args, '--workers', '1']);
    await lockstep([...other, '--seed', '9']);
    const runs = [one.run, `${one.run}-again`, `${one.run}-other`];
    const { code, stdout } = await lockstep(['compare', ...runs]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/run-again +done +30 .*, the same as run\n/);
    expect(stdout).toMatch(/run-other +done +30 .*, other bits from step 1 on\n/);
    expect(stdout).toMatch(/setting +run +run-again +run-other\nseed +1 +1 +9\n/);
    const json = JSON.parse((await lockstep(['compare', ...runs, '--json'])).stdout) as { runs: unknown[] };
    expect(json.runs).toHaveLength(3);
    expect(await lockstep(['compare', one.run])).toMatchObject({ code: 64 });
    expect(await lockstep(['compare', one.run, one.run])).toMatchObject({ code: 64 });
  });
});
