/**
 * Everything on the path of a step that is not the engine or the network: the update against a memory copy, what
 * batches, digests and the journal cost, how long a run takes to its first step, sampling, and memory over many steps.
 */
import { ENGINE_NAMES, PRESETS } from '@lockstep/config';
import { engineEnvironment, findEngine } from '@lockstep/engine';
import { summarise } from '@lockstep/measure';
import { Contestant } from '../contestant.js';
import { messageOf, peerPlan, threadEnvironment } from '../peers/plans.js';
import type { ProgramName } from '../programs.js';
import type { Case, Check, Row } from '../results.js';
import { compete } from '../rounds.js';
import type { Entry } from '../rounds.js';
import { writeJob } from '../step-job.js';
import type { StepJob } from '../step-job.js';
import type { Suite, SuiteContext } from '../suite.js';
import { train } from '../training.js';

type EngineName = (typeof ENGINE_NAMES)[number];

const SAMPLED_CHARACTERS = 200;
const MEMORY_STEPS = 2_000;
const MEMORY_LOOKS = 10;
/** Of the resident memory, between the second quarter of the steps and the last. */
const GROWTH_MAX = 1.05;

export const pathSuite: Suite = {
  title: 'The rest of the path',
  async run(context) {
    const engines = await installed();
    const memory = await memoryFigures(context, engines);
    return {
      cases: [
        await optimizerCase(context),
        await overheadCase(context, engines),
        await startCase(context),
        await samplingCase(context, engines),
        await wasmCase(context),
        memory.figures,
      ],
      checks: memory.checks,
    };
  },
};

async function installed(): Promise<EngineName[]> {
  const found: EngineName[] = [];
  for (const engine of ENGINE_NAMES) {
    const isThere = await findEngine(engine, { device: { kind: 'cpu' } }).then(
      () => true,
      () => false,
    );
    if (isThere) found.push(engine);
  }
  return found;
}

function programEntry({ programs }: SuiteContext, name: string, program: ProgramName, args: string[]): Entry {
  return { plan: { name, command: [process.execPath, programs[program], ...args], env: {} } };
}

function engineEntry(context: SuiteContext, name: string, program: ProgramName, engine: string, job: StepJob): Entry {
  const { threads } = job;
  const env = { ...threadEnvironment(threads), ...engineEnvironment({ threads, device: { kind: 'cpu' } }) };
  const command = [process.execPath, context.programs[program], engine, JSON.stringify(job)] as const;
  return { plan: { name, command, env } };
}

export async function optimizerCase(context: SuiteContext): Promise<Case> {
  const entries = [
    programEntry(context, 'lockstep Adam', 'optimizer', ['adam']),
    programEntry(context, 'memory copy of as many bytes', 'optimizer', ['copy']),
  ];
  const rows = (await compete(entries, context.rounds, context.say)).map(({ row }) => row);
  return {
    name: 'optimizer',
    title: 'One update of 4,022,850 weights, one thread',
    unit: 'ms',
    better: 'less',
    isRace: true,
    rows,
  };
}

async function overheadCase(context: SuiteContext, engines: readonly EngineName[]): Promise<Case> {
  const entries = [programEntry(context, 'lockstep batch, 5 digests, journal line', 'overhead', [context.scratch])];
  const [engine] = engines;
  if (engine !== undefined) {
    const job = writeJob(context, { name: 'overhead', preset: PRESETS.tutorial, repeats: 1 });
    entries.push(engineEntry(context, `one step, ${engine}`, 'step', engine, job));
  }
  const rows = (await compete(entries, context.rounds, context.say)).map(({ row }) => row);
  const title = 'What a step of the tutorial costs beside engine, sum and update';
  return { name: 'overhead', title, unit: 'ms', better: 'less', isRace: true, rows };
}

/** From the command to the first committed step, with everything in the disk cache. */
async function startCase(context: SuiteContext): Promise<Case> {
  const name = 'lockstep train, preset laptop, 2 workers';
  const args = ['--preset', 'laptop', '--workers', '2', '--steps', '1', '--sample-length', '1'];
  const open = async () => {
    const round = async (): Promise<number> => ((await train(context.scratch, args))[0]?.atMs ?? NaN) / 1000;
    await round();
    return { ready: { version: '', losses: [], facts: {} }, round, close: () => Promise.resolve() };
  };
  const rows = (await compete([{ name, open }], context.rounds, context.say)).map(({ row }) => row);
  return { name: 'start', title: 'From the command to the first step', unit: 's', better: 'less', isRace: true, rows };
}

async function samplingCase(context: SuiteContext, engines: readonly EngineName[]): Promise<Case> {
  const sizes = { name: 'sampling', preset: PRESETS.tutorial, repeats: SAMPLED_CHARACTERS };
  const job = writeJob(context, sizes);
  const entries = engines.map((engine) => engineEntry(context, `lockstep ${engine}`, 'sample', engine, job));
  if (context.peers.has('keras')) {
    entries.push(await peerPlan('keras', 'sample_keras.py', [JSON.stringify(job)], context, job.threads));
  }
  const rows = (await compete(entries, context.rounds, context.say)).map(({ row }) => row);
  const title = "Sampling one character after another, tutorial model; Keras by the tutorial's OneStep";
  return { name: 'sampling', title, unit: 'characters/s', better: 'more', isRace: true, rows };
}

/** The embedded engine has one thread and no fused kernel: what it can be held against is its own arithmetic. */
async function wasmCase(context: SuiteContext): Promise<Case> {
  const job = { ...writeJob(context, { name: 'wasm', preset: PRESETS.tutorial, repeats: 1 }), warmUp: 1 };
  const entries = [
    engineEntry(context, 'lockstep wasm', 'step', 'wasm', job),
    engineEntry(context, 'its best matMul, as many operations', 'matmul', 'wasm', job),
  ];
  const rows = (await compete(entries, context.rounds, context.say)).map(({ row }) => row);
  const title = 'A step of the embedded engine against its own arithmetic, tutorial model';
  return { name: 'wasm', title, unit: 'ms', better: 'less', isRace: true, rows };
}

/** Not interleaved: each engine makes its steps alone, and what counts is its own beginning and end. */
async function memoryFigures(
  context: SuiteContext,
  engines: readonly EngineName[],
): Promise<{ figures: Case; checks: Check[] }> {
  const title = `Resident memory every ${MEMORY_STEPS / MEMORY_LOOKS} of ${MEMORY_STEPS} steps, preset small`;
  const rows: Row[] = [];
  const checks: Check[] = [];
  const sizes = { name: 'memory', preset: PRESETS.small, repeats: MEMORY_STEPS / MEMORY_LOOKS };
  const job = writeJob(context, sizes);
  for (const engine of engines) {
    const contestant = `lockstep ${engine}`;
    context.say(`memory of ${contestant}`);
    const entry = engineEntry(context, contestant, 'memory', engine, job);
    const values: number[] = [];
    try {
      if (!('plan' in entry)) continue;
      const child = await Contestant.start(entry.plan);
      try {
        for (let look = 0; look < MEMORY_LOOKS; look += 1) values.push(await child.round());
        rows.push({ contestant, version: child.ready.version, values, missing: null, facts: child.ready.facts });
      } finally {
        await child.close();
      }
      checks.push(flat(contestant, values));
    } catch (error) {
      checks.push({ what: `${contestant}: memory stays flat`, ok: false, detail: messageOf(error) });
    }
  }
  return { figures: { name: 'memory', title, unit: 'MB', better: 'less', isRace: false, rows }, checks };
}

function flat(contestant: string, values: readonly number[]): Check {
  const quarter = Math.floor(values.length / 4);
  const early = summarise(values.slice(quarter, 2 * quarter)).median;
  const late = summarise(values.slice(-quarter)).median;
  const detail = `${early.toFixed(0)} MB in the second quarter of the steps, ${late.toFixed(0)} MB in the last`;
  return { what: `${contestant}: memory and tensors stay flat`, ok: late / early <= GROWTH_MAX, detail };
}
