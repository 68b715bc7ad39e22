/** `lockstep bench`: how fast a step is here, engine by engine, and what a network makes of it on paper. */
import { BENCH_OPTIONS } from '@lockstep/config';
import { hostFacts } from '@lockstep/engine';
import type { Link } from '@lockstep/measure';
import {
  enginesToMeasure,
  gradientLength,
  measureEngine,
  measureLink,
  measureMemory,
  project,
} from '../bench/measure.js';
import type { EngineFigures, Projection } from '../bench/measure.js';
import { gatherValues } from '../options/gather-values.js';
import { yargsOptions } from '../options/yargs-options.js';
import { formatCount } from '../views/format.js';
import { renderTable } from '../views/table.js';
import type { CommandBody } from './command-body.js';

const COPY_ROUNDS = 20;
const BITS_PER_BYTE = 8;

interface Figures {
  readonly preset: string;
  readonly parameters: number;
  readonly threads: number;
  readonly engines: readonly EngineFigures[];
  readonly memoryGigabytesPerSecond: number;
  readonly loopback: Link;
  /** What the projection assumes: the loopback, or what the user has given. */
  readonly network: Link;
  readonly projection: readonly Projection[];
}

export const benchCommand: CommandBody = {
  builder: (cli) =>
    cli
      .options(yargsOptions(BENCH_OPTIONS))
      .example('$0 bench --preset tutorial', '')
      .example('$0 bench --bandwidth 1 --latency 0.1', 'project for a network of 1 Gbit/s'),
  handler: async (argv) => {
    const values = await gatherValues(BENCH_OPTIONS, argv, process.env);
    const preset = values.preset ?? BENCH_OPTIONS.preset.default;
    const rounds = values.rounds ?? BENCH_OPTIONS.rounds.default;
    const threads = values.threads ?? (await hostFacts()).cores;
    const engines: EngineFigures[] = [];
    for (const engine of await enginesToMeasure(values.engine ?? BENCH_OPTIONS.engine.default)) {
      engines.push(await measureEngine(engine, { preset, rounds, threads }));
    }
    const parameters = gradientLength(preset);
    const loopback = await measureLink(Float32Array.BYTES_PER_ELEMENT * parameters, rounds);
    const { bandwidth, latency } = values;
    const network: Link = {
      alphaSeconds: latency === undefined ? loopback.alphaSeconds : latency / 1000,
      bytesPerSecond: bandwidth === undefined ? loopback.bytesPerSecond : (bandwidth * 1e9) / BITS_PER_BYTE,
    };
    const fastestMs = Math.min(...engines.map(({ step }) => step.median));
    const figures: Figures = {
      ...{ preset, parameters, threads, engines },
      memoryGigabytesPerSecond: measureMemory(parameters, COPY_ROUNDS),
      ...{ loopback, network },
      projection: project(fastestMs / 1000, parameters, network, values.workers ?? BENCH_OPTIONS.workers.default),
    };
    process.stdout.write(`${values.json === true ? JSON.stringify(figures) : describe(figures)}\n`);
  },
};

function describe(figures: Figures): string {
  const { preset, parameters, threads, engines, memoryGigabytesPerSecond, loopback, network, projection } = figures;
  const engineRows = engines.map(({ engine, step, charactersPerSecond }) => [
    engine,
    `${step.median.toFixed(1)} ms`,
    `${step.min.toFixed(1)} - ${step.max.toFixed(1)} ms`,
    formatCount(charactersPerSecond),
  ]);
  const projected = projection.map(({ workers, starMs, meshMs, stepsPerSecond }) => [
    String(workers),
    `${starMs.toFixed(1)} ms`,
    `${meshMs.toFixed(1)} ms`,
    stepsPerSecond.toFixed(2),
  ]);
  return [
    `preset ${preset}, ${formatCount(parameters)} weights, ${threads} threads`,
    '',
    renderTable([['engine', 'step', 'range', 'characters/s'], ...engineRows]),
    '',
    `memory    ${memoryGigabytesPerSecond.toFixed(1)} GB/s copied by one thread`,
    `loopback  ${linkText(loopback)}`,
    '',
    `On paper, equal machines with ${linkText(network)}, sharing one batch (no overlap of sum and computation):`,
    '',
    renderTable([['machines', 'sum by star', 'sum by mesh', 'steps/s'], ...projected]),
  ].join('\n');
}

function linkText({ alphaSeconds, bytesPerSecond }: Link): string {
  const megabytes = formatCount(bytesPerSecond / 1e6);
  return `${(1000 * alphaSeconds).toFixed(2)} ms a message and ${megabytes} MB/s each way`;
}
