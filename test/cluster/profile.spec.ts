/** The trace of a real run: it follows the format, shows every phase of every worker, and its times fit together. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockstep, stepsOf, tinyRun } from './lockstep-process.js';
import { readTrace } from './trace-format.js';
import type { Trace, TraceSpan } from './trace-format.js';

const STEPS = 12;
const LENGTH = ['--steps', String(STEPS), '--checkpoint-every', '6', '--validation-fraction', '0.2'] as const;
const LEAD = /^worker 0 \(local-0 on .+\)$/;
const WORKERS = [LEAD, /^worker 1 \(local-1 on .+\)$/];

function sum(spans: readonly TraceSpan[]): number {
  return spans.reduce((total, { ts, end }) => total + end - ts, 0);
}

function select(trace: Trace, name: string, process: RegExp): readonly TraceSpan[] {
  return trace.spans.filter((span) => span.name === name && process.test(span.process));
}

/** Steps in which nobody was late, so that each worker computed one shard; on a busy machine not all. */
function plainSteps(trace: Trace): readonly number[] {
  const shards = (step: number): number =>
    trace.spans.filter(({ name, args }) => name === 'data' && args['step'] === step).length;
  return Array.from({ length: STEPS }, (_, index) => index + 1).filter((step) => shards(step) === WORKERS.length);
}

/** A worker's share of each step lies within the step, in the order in which it has to happen. */
function expectInOrder(trace: Trace, worker: RegExp): void {
  const steps = plainSteps(trace);
  expect(steps.length).toBeGreaterThan(STEPS / 2);
  for (const step of steps) {
    const of = (name: string, process = worker): TraceSpan => {
      const found = select(trace, name, process).filter(({ args }) => args['step'] === step);
      expect(found, `${name} of step ${step}`).toHaveLength(1);
      return found[0];
    };
    const whole = of('step', /^coordinator$/);
    const data = of('data');
    const dispatch = of('dispatch');
    const compute = of('compute');
    const transfer = select(trace, 'transfer', worker).find(
      ({ thread, args }) => thread === 'transfer out' && args['step'] === step && args['shard'] !== undefined,
    );
    expect(transfer).toBeDefined();
    const times = [whole.ts, data.ts, data.end, dispatch.ts, dispatch.end, compute.ts, compute.end];
    expect([...times, transfer?.ts, transfer?.end, whole.end]).toEqual(
      [...times, Number(transfer?.ts), Number(transfer?.end), whole.end].sort((left, right) => left - right),
    );
    expect(of('apply').ts).toBeGreaterThanOrEqual(whole.end);
  }
}

function expectSumsThatFit(trace: Trace, worker: RegExp): void {
  const steps = sum(select(trace, 'step', /^coordinator$/));
  const computes = select(trace, 'compute', worker);
  const modelMs = computes.reduce((total, { args }) => total + Number(args['modelMs']), 0);
  expect(sum(computes)).toBeLessThanOrEqual(steps);
  // The span is what the worker was busy with the shard: the model, and what is around it.
  expect(sum(computes)).toBeGreaterThan(500 * modelMs);
}

function countNames(trace: Trace, worker: RegExp): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { cat } of trace.spans.filter(({ process }) => worker.test(process))) counts[cat] = (counts[cat] ?? 0) + 1;
  return counts;
}

describe.each(['star', 'mesh'] as const)('--profile with --topology %s', (topology) => {
  it('writes a trace with every phase of every worker', async () => {
    const { run, args } = tinyRun(...LENGTH, '--topology', topology, '--profile');
    const { code, stdout, stderr } = await lockstep(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`profile ${join(run, 'trace.json')}`);

    const trace = readTrace(join(run, 'trace.json'));
    expect(trace.processes).toHaveLength(3);
    for (const worker of WORKERS) {
      const counts = countNames(trace, worker);
      const each = ['data', 'dispatch', 'compute', 'transfer', 'reduce', 'apply'];
      for (const phase of each) expect(counts[phase], phase).toBeGreaterThan(STEPS / 2);
      expect(counts['evaluation']).toBeGreaterThan(0);
      expectInOrder(trace, worker);
      expectSumsThatFit(trace, worker);
    }
    // Who ships the replica is the one with the lowest number.
    expect(select(trace, 'checkpoint', LEAD)).toHaveLength(2);
    expect(select(trace, 'checkpoint', /^coordinator$/).map(({ args: { step } }) => step)).toEqual([6, 12]);
    expect(select(trace, 'journal', /^coordinator$/)).toHaveLength(STEPS);
    expect(trace.spans.filter(({ name }) => name === 'sample')).toHaveLength(1);
    const reduced = trace.spans.filter(({ cat, process }) => cat === 'reduce' && process !== 'coordinator');
    expect(new Set(reduced.map(({ name }) => name))).toEqual(new Set([topology === 'mesh' ? 'exchange' : 'reduce']));

    const losses = select(trace, 'step', /^coordinator$/).map(({ args: { loss } }) => loss);
    expect(losses).toEqual(stepsOf(run).map(({ loss }) => loss));
    const markers = trace.markers.map(({ name }) => name);
    expect(markers).toEqual(
      expect.arrayContaining(['profile begins', 'join', `topology: ${topology}`, 'checkpoint on the disk']),
    );
  });
});

it('marks a lost worker, and may be asked for anew when a run is resumed', async () => {
  const { run, args } = tinyRun('--steps', '6', '--sample-length', '0', '--checkpoint-every', '2');
  const faults = { LOCKSTEP_FAULTS: 'W6:step=2:worker=local-1:kill', LOCKSTEP_FAULTS_LOG: `${run}.faults` };
  const first = await lockstep(args, { env: { ...faults, LOCKSTEP_PROFILE: 'true' } });
  expect(first.code).toBe(0);
  const { markers, spans } = readTrace(join(run, 'trace.json'));
  expect(markers.map(({ name }) => name)).toContain('fault: worker lost');
  expect(spans.filter(({ name }) => name === 'step')).toHaveLength(6);

  const resumed = await lockstep(['train', '--resume', run, '--steps', '9', '--profile']);
  expect(resumed).toMatchObject({ code: 0 });
  const again = readTrace(join(run, 'trace-2.json'));
  expect(again.spans.filter(({ name }) => name === 'step').map(({ args: { step } }) => step)).toEqual([7, 8, 9]);

  // What is said once holds for one life.
  expect(await lockstep(['train', '--resume', run, '--steps', '10'])).toMatchObject({ code: 0 });
  expect(existsSync(join(run, 'trace-3.json'))).toBe(false);
});
