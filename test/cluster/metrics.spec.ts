/** What a run says of itself over HTTP: the same as its journal, before and after its coordinator has died. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LockstepProcess, readJson, stepsOf, tinyRun, waitFor } from './lockstep-process.js';

const STEPS = 400;

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of a scrape. */
async function scrape(url: string): Promise<readonly Sample[]> {
  const text = await (await fetch(`${url}metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, label = '', word = '']) => [label, word]);
      return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
    });
}

function valueOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  const fits = (sample: Sample): boolean =>
    sample.name === name && Object.entries(labels).every(([label, word]) => sample.labels[label] === word);
  const found = samples.filter(fits);
  expect(found, `${name} ${JSON.stringify(labels)}`).toHaveLength(1);
  return found[0]?.value ?? Number.NaN;
}

interface Target {
  readonly url: string;
  readonly coordinator: number;
  readonly workers: readonly { readonly pid: number; readonly slot: number }[];
}

function targetOf(run: string): Target | undefined {
  const file = readJson(run, 'run.json');
  const { pid } = file['coordinator'] as { pid: number };
  const workers = file['workers'] as Target['workers'];
  return typeof file['metrics'] === 'string' ? { url: file['metrics'], coordinator: pid, workers } : undefined;
}

/** Asks a coordinator that may be on its way until what it says fits. */
async function scrapeUntil(url: string, fits: (samples: readonly Sample[]) => boolean): Promise<readonly Sample[]> {
  let latest: readonly Sample[] = [];
  let asking: Promise<unknown> | undefined;
  return waitFor(`metrics at ${url}`, () => {
    asking ??= scrape(url)
      .then((samples) => (latest = samples))
      .catch(() => undefined)
      .finally(() => (asking = undefined));
    return latest.length > 0 && fits(latest) ? latest : undefined;
  });
}

const workerLog = (run: string): string => readFileSync(join(run, 'logs', 'worker-0.log'), 'utf8');

describe('metrics of a run', () => {
  it('agree with the journal to the unit, also after the coordinator was killed', async () => {
    const { run, args } = tinyRun('--steps', String(STEPS), '--workers', '2', '--metrics-port', '0', '--json');
    const process = new LockstepProcess([...args, '--topology', 'star']);
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 20);
    const before = await waitFor('a run file with metrics', () => targetOf(run));
    globalThis.process.kill(before.coordinator, 'SIGKILL');
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 60);
    const after = await waitFor('another coordinator', () => {
      const target = targetOf(run);
      return target !== undefined && target.coordinator !== before.coordinator && target;
    });
    expect(after.url).toBe(before.url);
    const victim = after.workers[0];
    globalThis.process.kill(victim?.pid ?? 0, 'SIGKILL');
    const samples = await scrapeUntil(
      after.url,
      (all) => valueOf(all, 'lockstep_faults_total', { kind: 'worker-lost' }) === 1,
    );
    expect(valueOf(samples, 'lockstep_term')).toBe(2);
    expect(valueOf(samples, 'lockstep_worker_exits_total', { reason: 'lost' })).toBe(1);
    const steps = valueOf(samples, 'lockstep_steps_total');
    process.child.kill('SIGINT');
    expect((await process.end()).code).toBe(0);
    const counted = stepsOf(run).slice(0, steps);
    expect(counted).toHaveLength(steps);
    const characters = counted.reduce((sum, line) => sum + Number(line['characters']), 0);
    expect(valueOf(samples, 'lockstep_tokens_total')).toBe(characters);
    expect(valueOf(samples, 'lockstep_step_duration_seconds_count')).toBe(steps);
    expect(valueOf(samples, 'lockstep_loss_nats', { split: 'train' })).toBe(counted.at(-1)?.['loss']);
    const seconds = counted.reduce((sum, line) => sum + Number(line['seconds']), 0);
    expect(valueOf(samples, 'lockstep_step_duration_seconds_sum')).toBeCloseTo(seconds, 6);
  });

  it('are served by workers too, who say when they are ready', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--workers', '1', '--metrics-port', '0', '--json');
    const process = new LockstepProcess(args);
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 5);
    const { url } = await waitFor('a run file with metrics', () => targetOf(run));
    const log = await waitFor('the address of the worker', () => /metrics at (\S+)metrics/.exec(workerLog(run))?.[1]);
    const own = await scrape(log);
    expect(valueOf(own, 'lockstep_worker_compute_seconds_count', { worker: '0' })).toBeGreaterThanOrEqual(5);
    expect(valueOf(own, 'lockstep_worker_resident_memory_bytes', { worker: '0' })).toBeGreaterThan(1e7);
    const names = (samples: readonly Sample[]): ReadonlySet<string> =>
      new Set(samples.filter(({ labels }) => 'worker' in labels).map(({ name }) => name));
    const all = names(await scrapeUntil(url, (samples) => names(samples).has('lockstep_worker_resident_memory_bytes')));
    expect([...names(own)].filter((name) => !all.has(name))).toEqual([]);
    for (const base of [url, log]) {
      expect((await fetch(`${base}healthz`)).status).toBe(200);
      expect((await fetch(`${base}readyz`)).status).toBe(200);
    }
    process.child.kill('SIGINT');
    expect((await process.end()).code).toBe(0);
  });
});
