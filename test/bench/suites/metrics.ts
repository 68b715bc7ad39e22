/**
 * What being watched costs: whole runs with and without metrics, page and record of what the loop does, in turns; and
 * one scrape of a coordinator with 64 workers, over HTTP.
 */
import { PRESETS } from '@lockstep/config';
import { countAnswer, countVitals, MetricSet, serveHttp } from '@lockstep/metrics';
import { writeCorpus } from '../corpus.js';
import { compete } from '../rounds.js';
import type { Entry } from '../rounds.js';
import type { Case, Check } from '../results.js';
import type { Suite, SuiteContext } from '../suite.js';
import { rateOf, train } from '../training.js';

/** The shortest step that a preset has on a processor: there the same work is the largest share. */
const PRESET = PRESETS.laptop;
const STEPS = 400;
const WARM_UP = 50;
const BATCHES = 40;
const WORKERS = 64;
const BYTES_MAX = 300_000;

export const metricsSuite: Suite = {
  title: 'Metrics: what being watched costs',
  async run(context) {
    const overhead = await overheadCase(context);
    const { figures, check } = await scrapeCase(context);
    return { cases: [overhead, figures], checks: [check] };
  },
};

async function overheadCase(context: SuiteContext): Promise<Case> {
  const { textFile } = writeCorpus(context.scratch, PRESET, BATCHES);
  const args = ['--preset', 'laptop', '--text', textFile, '--steps', String(STEPS), '--sample-length', '1'];
  const entry = (name: string, more: readonly string[]): Entry => ({
    name,
    open: async () => {
      const commits = await train(context.scratch, [...args, ...more]);
      const ready = { version: '', losses: commits.map(({ loss }) => loss), facts: {} };
      const round = async (): Promise<number> => rateOf(await train(context.scratch, [...args, ...more]), WARM_UP);
      return { ready, round, close: () => Promise.resolve() };
    },
  });
  const entries = [entry('lockstep train', ['--metrics-port', '0']), entry('not watched', ['--no-metrics'])];
  const measured = await compete(entries, context.rounds, context.say);
  const title = 'whole runs of two workers, laptop preset, with metrics and live page or with neither';
  const rows = measured.map(({ row }) => row);
  return { name: 'overhead', title, unit: 'characters/s', better: 'more', isRace: true, rows };
}

async function scrapeCase({ rounds, say }: SuiteContext): Promise<{ figures: Case; check: Check }> {
  const metrics = new MetricSet('coordinator');
  metrics.setRun('00000000-0000-0000-0000-000000000000');
  for (let worker = 0; worker < WORKERS; worker += 1) fill(metrics, worker);
  const server = await serveHttp({
    ...{ host: '127.0.0.1', port: 0 },
    routes: {
      '/metrics': async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
    },
  });
  try {
    say(`a scrape of ${WORKERS} workers`);
    const values: number[] = [];
    let bytes = 0;
    for (let round = 0; round < rounds; round += 1) {
      const beganMs = performance.now();
      bytes = (await (await fetch(`${server.url}metrics`)).arrayBuffer()).byteLength;
      values.push(performance.now() - beganMs);
    }
    const row = { contestant: `lockstep, ${WORKERS} workers`, version: '', values, missing: null, facts: { bytes } };
    const title = `one scrape of a coordinator with ${WORKERS} workers, over HTTP`;
    const detail = `${bytes} bytes`;
    return {
      figures: { name: 'scrape', title, unit: 'ms', better: 'less', isRace: false, rows: [row] },
      check: { what: `a scrape with ${WORKERS} workers has at most 300 kB`, ok: bytes <= BYTES_MAX, detail },
    };
  } finally {
    await server.close();
  }
}

/** All series of a worker, with numbers as long as real ones. */
function fill(metrics: MetricSet, worker: number): void {
  metrics.addWorker(worker);
  const times = { waitedMs: 1 / 3, workedMs: 512 + 1 / 3 };
  const about = { run: 'r', term: 1, membership: 1, step: 1, shard: 0, attempt: 0, held: null, weightsDigest: null };
  const numbers = { lossSum: 1, characters: 3_200, computeMs: 1 };
  countAnswer(metrics, worker, { type: 'gradient', ...about, ...numbers }, times);
  countVitals(metrics, worker, { residentBytes: 402_505_728, cpuSeconds: 12.080929, metrics: null }, undefined);
  metrics.add('barrier_wait_seconds_total', { worker }, 1 / 3);
  metrics.set('worker_heartbeat_timestamp_seconds', { worker }, 1_795_477_259.322659);
  for (const state of ['preparing', 'waiting', 'syncing', 'ready', 'behind', 'draining'] as const) {
    metrics.set('worker_state', { worker, state }, state === 'ready' ? 1 : 0);
  }
}
