/**
 * Two workers with one thread each, 64 sequences split 32 + 32: whole `lockstep train` runs, with coordinator, journal
 * and digests, against PyTorch's DistributedDataParallel over Gloo with the same split, and against one lockstep
 * process that has both cores to itself.
 */
import { ENGINE_NAMES, PRESETS } from '@lockstep/config';
import { engineEnvironment, findEngine } from '@lockstep/engine';
import { writeCorpus } from '../corpus.js';
import type { Corpus } from '../corpus.js';
import { messageOf, peerPlan, threadEnvironment } from '../peers/plans.js';
import { compete } from '../rounds.js';
import type { Entry, Measured } from '../rounds.js';
import type { StepJob } from '../step-job.js';
import type { Suite, SuiteContext } from '../suite.js';
import { rateOf, train } from '../training.js';
import { sameLosses } from './step.js';

const PRESET = PRESETS.tutorial;
const WORKERS = 2;
/** Of each `lockstep train`, which begins anew in each round: its first steps warm up, and compile. */
const STEPS = 24;
const WARM_UP = 12;
const BATCHES = 20;

export const workersSuite: Suite = {
  title: 'Two workers with one thread each, 64 sequences split 32 + 32',
  async run(context) {
    const { batchSize, sequenceLength } = PRESET;
    const corpus = writeCorpus(context.scratch, PRESET, BATCHES);
    const measured = await compete(await entries(context, corpus), context.rounds, context.say);
    const title = `tutorial: ${batchSize} x ${sequenceLength} characters a step, whole runs`;
    const rows = measured.map(({ row }) => row);
    return {
      cases: [{ name: 'tutorial', title, unit: 'characters/s', better: 'more', isRace: true, rows }],
      checks: sameLosses('two workers', measured.map(firstOnly)),
    };
  },
};

/** The first loss alone compares: after it, runs go on to other batches and DDP repeats one. */
function firstOnly(one: Measured): Measured {
  return { ...one, losses: one.losses.slice(0, 1) };
}

async function entries(context: SuiteContext, corpus: Corpus): Promise<Entry[]> {
  const own: Entry[] = [];
  for (const engine of ENGINE_NAMES.filter((name) => name !== 'wasm')) {
    try {
      await findEngine(engine, { device: { kind: 'cpu' } });
      own.push(trainEntry(context, corpus, engine), processEntry(context, corpus, engine));
    } catch (error) {
      own.push({ name: `lockstep train ${engine}`, missing: messageOf(error) });
    }
  }
  if (!context.peers.has('torch')) return own;
  const job = { ...jobOf(corpus, 1), workers: WORKERS, repeats: STEPS - WARM_UP, meeting: `${context.scratch}/ddp` };
  return [...own, await peerPlan('torch', 'step_ddp.py', [JSON.stringify(job)], context, 1)];
}

/** Every round is a run of its own: its first steps warm up, its start and its end do not count. */
function trainEntry({ scratch }: SuiteContext, { textFile }: Corpus, engine: string): Entry {
  const sizes = ['--preset', 'tutorial', '--text', textFile, '--steps', String(STEPS)];
  const split = ['--workers', String(WORKERS), '--shards', String(WORKERS), '--threads', '1'];
  const args = [...sizes, ...split, '--engine', engine, '--sample-length', '1'];
  const name = `lockstep train ${engine}, ${WORKERS} x 1 thread`;
  const open = async () => {
    const commits = await train(scratch, args);
    const ready = { version: engine, losses: commits.map(({ loss }) => loss), facts: {} };
    const round = async (): Promise<number> => rateOf(await train(scratch, args), WARM_UP);
    return { ready, round, close: () => Promise.resolve() };
  };
  return { name, open };
}

/** The step suite's program on all cores, in characters a second. */
function processEntry({ programs, cores }: SuiteContext, corpus: Corpus, engine: string): Entry {
  const job: StepJob = { ...jobOf(corpus, cores), perSecond: true };
  const env = { ...threadEnvironment(cores), ...engineEnvironment({ threads: cores, device: { kind: 'cpu' } }) };
  const name = `one process ${engine}, ${cores} threads`;
  return { plan: { name, command: [process.execPath, programs.step, engine, JSON.stringify(job)], env } };
}

function jobOf({ weightsFile, idsFile }: Corpus, threads: number): StepJob {
  const { batchSize, sequenceLength, embedding, units } = PRESET;
  const shape = { vocabularySize: 66, embedding, units, rows: batchSize, sequenceLength };
  const files = { weightsFile, idsFile };
  return { ...shape, threads, repeats: 2, warmUp: 2, learningRate: 1e-3, epsilon: 1e-7, perSecond: false, ...files };
}
