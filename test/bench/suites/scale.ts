/**
 * What coordination costs as workers are added: steps, messages, processor time and memory of the coordinator, with
 * worker processes that have no engine. Small gradients show the control messages alone, gradients of the tutorial's
 * model show that the coordinator's memory does not grow with the workers.
 */
import { Contestant } from '../contestant.js';
import { messageOf } from '../peers/plans.js';
import type { Case, Check, Row } from '../results.js';
import type { StarJob } from '../star-job.js';
import type { Suite, SuiteContext } from '../suite.js';
import { TUTORIAL_VALUES } from './allreduce.js';

const SMALL_VALUES = 1_000;
const WORKERS = [2, 4, 8, 16, 32, 64] as const;
const WORKERS_OF_LARGE = [2, 4, 8, 16] as const;
/** With 16 workers: so many gradients, and what Node and the libraries take. */
const GRADIENTS_MAX = 6;
const BASE_MB_MAX = 200;

const FIGURES = {
  steps: { title: 'Steps', unit: 'steps/s', better: 'more' },
  messages: { title: 'Messages in and out of the coordinator', unit: 'messages/s', better: 'more' },
  cpuMs: { title: "Coordinator's processor time", unit: 'ms a step', better: 'less' },
  residentMb: { title: "Coordinator's resident memory", unit: 'MB', better: 'less' },
} as const;

type Figure = keyof typeof FIGURES;

export const scaleSuite: Suite = {
  title: 'Scale: the coordinator with workers that have no engine, by star over TCP loopback',
  async run(context) {
    const small = await figuresOf(context, SMALL_VALUES, WORKERS);
    const large = await figuresOf(context, TUTORIAL_VALUES, WORKERS_OF_LARGE);
    return { cases: [...small, ...large], checks: memoryCheck(large) };
  },
};

async function figuresOf(context: SuiteContext, values: number, counts: readonly number[]): Promise<Case[]> {
  const rows: Record<Figure, Row[]> = { steps: [], messages: [], cpuMs: [], residentMb: [] };
  for (const workers of counts) {
    context.say(`${workers} workers, gradients of ${values}`);
    const measured = await looksAt(context, workers, values);
    for (const figure of Object.keys(rows) as Figure[]) {
      const seen = typeof measured === 'string' ? [] : measured.map((one) => one[figure]);
      const missing = typeof measured === 'string' ? measured : null;
      rows[figure].push({ contestant: `${workers} workers`, version: '', values: seen, missing, facts: {} });
    }
  }
  return Object.entries(FIGURES).map(([name, { title, unit, better }]) => ({
    name: `${name} ${values}`,
    title: `${title}, gradients of ${values.toLocaleString('en')} values`,
    ...{ unit, better, isRace: false, rows: rows[name as Figure] },
  }));
}

/** One look a round, or why there is none. */
async function looksAt(context: SuiteContext, workers: number, values: number) {
  const job: StarJob = { role: 'coordinator', workers, values, repeats: 1, endpoint: '', worker: 0 };
  const command = [process.execPath, context.programs.cluster, JSON.stringify(job)] as const;
  let contestant: Contestant | undefined;
  try {
    contestant = await Contestant.start({ name: `${workers} workers`, command, env: {} });
    const looks: Record<Figure, number>[] = [];
    for (let round = 0; round < context.rounds; round += 1) {
      const steps = await contestant.round();
      const { messages = NaN, cpuMs = NaN, residentMb = NaN } = contestant.figures;
      looks.push({ steps, messages, cpuMs, residentMb });
    }
    return looks;
  } catch (error) {
    return messageOf(error);
  } finally {
    await contestant?.close();
  }
}

function memoryCheck(cases: readonly Case[]): Check[] {
  const values = cases.find(({ name }) => name.startsWith('residentMb'))?.rows.at(-1)?.values ?? [];
  const most = Math.max(...values);
  const bound = (GRADIENTS_MAX * 4 * TUTORIAL_VALUES) / 1e6 + BASE_MB_MAX;
  const workers = WORKERS_OF_LARGE.at(-1);
  const what = `with ${workers} workers the coordinator holds at most ${GRADIENTS_MAX} gradients and 200 MB`;
  return [{ what, ok: most <= bound, detail: `${most.toFixed(0)} MB at most, the bound is ${bound.toFixed(0)} MB` }];
}
