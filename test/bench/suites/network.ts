/**
 * Whole runs over links of a bounded rate, each worker on a host of its own: star and mesh, float32 and bfloat16,
 * beside what the alpha-beta model says on paper. The batch is tiny and the model the tutorial's, so that a step is
 * little more than the sum of 16 MB gradients.
 */
import { spawn } from 'node:child_process';
import { allReduceSeconds } from '@lockstep/measure';
import { writeCorpus } from '../corpus.js';
import { createHosts, onHost, whyNoHosts } from '../hosts.js';
import type { Hosts } from '../hosts.js';
import { messageOf } from '../peers/plans.js';
import type { Case, Row } from '../results.js';
import type { Suite, SuiteContext } from '../suite.js';
import { EXECUTABLE, rateOf, train } from '../training.js';
import { TUTORIAL_VALUES } from './allreduce.js';

const RATES = [
  { name: '1 Gbit/s', tc: '1gbit', bytesPerSecond: 1e9 / 8 },
  { name: '10 Gbit/s', tc: '10gbit', bytesPerSecond: 1e10 / 8 },
] as const;
const WORKERS = [2, 4] as const;
const SIZES = { batchSize: 4, sequenceLength: 4, embedding: 256, units: 1024 } as const;
const STEPS = 10;
const WARM_UP = 3;
const PORT = 5555;
/** Of a message on the way: a guess that matters little beside 16 MB. */
const ALPHA_SECONDS = 0.0002;

/** Mean of both ways: gradients travel in the wire format, the mean comes back in float32. */
const BYTES_PER_VALUE = { float32: 4, bfloat16: 3 } as const;

const WAYS = (['star', 'mesh'] as const).flatMap((topology) =>
  (['float32', 'bfloat16'] as const).map((wire) => ({ topology, wire })),
);
type Way = (typeof WAYS)[number];
type Rate = (typeof RATES)[number];

export const networkSuite: Suite = {
  title: 'Whole steps over links of a bounded rate, every worker on a host of its own',
  async run(context) {
    const cases: Case[] = [];
    for (const rate of RATES) for (const workers of WORKERS) cases.push(await caseOf(context, rate, workers));
    return { cases, checks: [] };
  },
};

async function caseOf(context: SuiteContext, rate: Rate, workers: number): Promise<Case> {
  const rows: Row[] = [];
  for (const way of WAYS) {
    const name = `lockstep ${way.topology} ${way.wire}`;
    context.say(`${rate.name}, ${workers} workers, ${way.topology} ${way.wire}`);
    const measured = await valuesOf(context, rate, workers, way);
    const missing = typeof measured === 'string' ? measured : null;
    rows.push({
      contestant: name,
      version: '',
      values: typeof measured === 'string' ? [] : measured,
      missing,
      facts: {},
    });
    const shape = { workers, values: TUTORIAL_VALUES, bytesPerValue: BYTES_PER_VALUE[way.wire] };
    const link = { alphaSeconds: ALPHA_SECONDS, bytesPerSecond: rate.bytesPerSecond };
    const onPaper = 1000 * allReduceSeconds(way.topology, shape, link);
    rows.push({
      contestant: `on paper, the sum alone: ${name}`,
      version: '',
      values: [onPaper],
      missing: null,
      facts: {},
    });
  }
  const title = `${rate.name} each way, ${workers} workers, gradients of 16 MB`;
  return { name: `${rate.name} ${workers}`, title, unit: 'ms a step', better: 'less', isRace: false, rows };
}

async function valuesOf(context: SuiteContext, rate: Rate, workers: number, way: Way): Promise<number[] | string> {
  const why = whyNoHosts();
  if (why !== null) return why;
  let hosts: Hosts | undefined;
  try {
    hosts = createHosts(workers + 1, rate.tc);
    const values: number[] = [];
    for (let round = 0; round < context.rounds; round += 1) values.push(await oneRun(context, hosts, way));
    return values;
  } catch (error) {
    return messageOf(error);
  } finally {
    hosts?.remove();
  }
}

async function oneRun(context: SuiteContext, { names, addresses }: Hosts, { topology, wire }: Way): Promise<number> {
  const { textFile } = writeCorpus(context.scratch, SIZES, STEPS + 1);
  const endpoint = `tcp://${addresses[0] ?? ''}:${PORT}`;
  const [coordinator = '', ...workers] = names;
  const processes = workers.map((host) => {
    const command = [...onHost(host), process.execPath, EXECUTABLE, 'worker', '--coordinator', endpoint];
    return spawn(command[0] ?? '', [...command.slice(1), '--connect-timeout', '60'], { stdio: 'ignore' });
  });
  const sizes = ['--batch-size', SIZES.batchSize, '--sequence-length', SIZES.sequenceLength, '--units', SIZES.units];
  const args = [
    ...['--preset', 'tutorial', '--text', textFile, '--steps', String(STEPS), ...sizes.map(String)],
    ...['--workers', '0', '--min-workers', String(workers.length), '--shards', String(workers.length)],
    ...['--bind', endpoint, '--threads', '1', '--sample-length', '0'],
    ...['--topology', topology, '--wire', wire, '--local-exchange', 'sockets'],
  ];
  try {
    const commits = await train(context.scratch, args, {}, onHost(coordinator));
    const characters = SIZES.batchSize * SIZES.sequenceLength;
    return (1000 * characters) / rateOf(commits, WARM_UP);
  } finally {
    for (const child of processes) child.kill('SIGKILL');
  }
}
