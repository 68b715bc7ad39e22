/** The rows of the dashboard "Run" on who does what: slow workers, and what the time of a step is spent on. */
import type { Row } from './frame.js';
import { heat, lines, ranking, shares } from './panels.js';
import type { Panel } from './panels.js';

const CHOSEN = '{run="$run", worker=~"$worker"}';
const RATE = '[$__rate_interval]';

export function slowness(): Row {
  return {
    question: 'Who is slow?',
    panels: [
      heat({
        title: 'Time to compute a shard',
        description:
          'Each column is a moment, each cell how many shards took so long, all chosen workers together. One ' +
          'dark band is good; a second band above it is a slower device, a smear upwards is a machine that ' +
          'others use too.',
        queries: [[`sum by (le) (rate(lockstep_worker_compute_seconds_bucket${CHOSEN}${RATE}))`, '{{le}}']],
      }),
      lines({
        title: 'Mean time to compute a shard, by worker',
        description:
          'The line that lies above the others is the slow worker. All of them rising together points at the ' +
          'machine that they share, or at a hot device.',
        unit: 's',
        queries: [
          [
            `sum by (worker) (rate(lockstep_worker_compute_seconds_sum${CHOSEN}${RATE}))` +
              ` / sum by (worker) (rate(lockstep_worker_compute_seconds_count${CHOSEN}${RATE}))`,
            'worker {{worker}}',
          ],
        ],
      }).min(0),
      ranking({
        title: 'Most waited for',
        description:
          'The three workers that all others waited for longest, over the time shown. Somebody is always last: ' +
          'worth a look when one bar is several times the next.',
        unit: 's',
        width: 8,
        queries: [
          [
            'topk(3, sum by (worker) (increase(lockstep_barrier_wait_seconds_total{run="$run"}[$__range])))',
            'worker {{worker}}',
          ],
        ],
      }),
      lines({
        title: 'Share of time in which all wait for one',
        description:
          'Of each second, how much all others spent waiting for this worker alone. Above 30 % for 15 minutes ' +
          'the alert LockstepStraggler fires: drain that worker, or give it less to do.',
        unit: 'percentunit',
        width: 8,
        queries: [[`sum by (worker) (rate(lockstep_barrier_wait_seconds_total${CHOSEN}${RATE}))`, 'worker {{worker}}']],
      }).min(0),
      busyShare(),
    ],
  };
}

function busyShare(): Panel {
  return lines({
    title: 'Busy share, by worker',
    description:
      'Of each second, how much a worker spent on its tasks; the rest it waited. Low for all means that ' +
      'something else holds the step up: see the phases below. Low for one means that it is faster than the ' +
      'others.',
    unit: 'percentunit',
    width: 8,
    queries: [[`sum by (worker) (rate(lockstep_worker_busy_seconds_total${CHOSEN}${RATE}))`, 'worker {{worker}}']],
  }).min(0);
}

export function waits(): Row {
  return {
    question: 'What waits on what?',
    panels: [
      shares({
        title: 'What the time of a step is spent on',
        description:
          'As the slowest worker of each step lived it. Compute should be most of it. Much transfer or reduce: ' +
          'the network is the limit, try --topology, --wire bfloat16 or fewer workers. Much dispatch or other: ' +
          'the coordinator is busy, see its event loop.',
        queries: [
          [
            'sum by (phase) (rate(lockstep_step_phase_seconds_total{run="$run"}[$__rate_interval]))' +
              ' / on () group_left () sum(rate(lockstep_step_phase_seconds_total{run="$run"}[$__rate_interval]))',
            '{{phase}}',
          ],
        ],
      }),
      lines({
        title: 'Bytes through the coordinator',
        description:
          'By direction and kind. Gradients and means are there in a star only; in a mesh workers exchange them ' +
          'among themselves. A level line at the speed of the network card is the limit of a star.',
        unit: 'Bps',
        width: 6,
        queries: [
          [
            'sum by (direction, kind) (rate(lockstep_bytes_total{run="$run"}[$__rate_interval]))',
            '{{direction}} {{kind}}',
          ],
        ],
      }).min(0),
      lines({
        title: 'Lag of the event loop',
        description:
          'How late the coordinator comes to its timers. Some milliseconds are usual, tens while it sums gradients; ' +
          'hundreds hold up every worker.',
        unit: 's',
        width: 6,
        queries: [
          ['max by (instance) (nodejs_eventloop_lag_p50_seconds{run="$run"})', 'p50 {{instance}}'],
          ['max by (instance) (nodejs_eventloop_lag_p99_seconds{run="$run"})', 'p99 {{instance}}'],
        ],
      }).min(0),
    ],
  };
}
