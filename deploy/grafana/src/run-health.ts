/** The rows of the dashboard "Run" on trouble: what is at risk, what faults have cost, and whether the bits hold. */
import type { Row } from './frame.js';
import { areas, bars, lines, numbers, rows, shares, signals } from './panels.js';
import type { Panel, Query } from './panels.js';

export function survival(): Row {
  return {
    question: 'Will it survive?',
    panels: [
      areas({
        title: 'Workers by state',
        description:
          'Those that are ready compute; the others are on their way. More ready workers than shards are spares. ' +
          'Nobody ready: the run waits, and loses nothing.',
        unit: 'none',
        width: 8,
        queries: [['sum by (state) (lockstep_workers{run="$run"})', '{{state}}']],
      }),
      lines({
        title: 'Age of the last checkpoint',
        description:
          'A saw: it grows until the next checkpoint. Its height is the work that is lost if ALL workers die at ' +
          'once. Above the upper line, three intervals, the alert LockstepCheckpointStale fires.',
        unit: 's',
        width: 8,
        queries: [
          ['time() - max(lockstep_last_checkpoint_timestamp_seconds{run="$run"})', 'age'],
          ['clamp_min(3 * max(lockstep_checkpoint_interval_seconds{run="$run"}), 300)', 'alert'],
        ],
      }).min(0),
      lines({
        title: 'Silence of each worker',
        description:
          'Time since a worker was heard of. Heartbeats come every second or two; a line that climbs is lost.',
        unit: 's',
        width: 8,
        queries: [
          [
            'time() - max by (worker) (lockstep_worker_heartbeat_timestamp_seconds{run="$run", worker=~"$worker"})',
            'worker {{worker}}',
          ],
        ],
      }).min(0),
      bars({
        title: 'Shards given to somebody else',
        description: 'Because their worker was lost, late, or in doubt. The step takes longer; its result is the same.',
        unit: 'none',
        width: 8,
        queries: [happened('lockstep_shards_redispatched_total', 'reason')],
      }),
      bars({
        title: 'Workers gone',
        description:
          'Lost without a word, left as they were told, or not let in again after failing too often. Many lost ' +
          'within an hour spend the budget of --max-faults.',
        unit: 'none',
        width: 8,
        queries: [happened('lockstep_worker_exits_total', 'reason')],
      }),
      lines({
        title: 'Memory of each worker',
        description: 'Resident memory. It is level after the first steps; one that keeps growing will be killed.',
        unit: 'bytes',
        width: 8,
        queries: [
          [
            'max by (worker) (lockstep_worker_resident_memory_bytes{run="$run", worker=~"$worker"})',
            'worker {{worker}}',
          ],
        ],
      }).min(0),
    ],
  };
}

export function cost(): Row {
  const productive = 'sum(increase(lockstep_run_seconds_total{run="$run", state="productive"}[$__range]))';
  return {
    question: 'What did the faults cost?',
    panels: [
      signals(
        {
          title: 'Goodput',
          description:
            'Share of the time shown that brought the run forward. Above 95 % is a quiet run; below 80 % over an ' +
            'hour the alert LockstepLowGoodput fires. Short runs are mostly start-up.',
          unit: 'percentunit',
          width: 4,
          queries: [[`${productive} / sum(increase(lockstep_run_seconds_total{run="$run"}[$__range]))`, 'goodput']],
        },
        [
          [null, 'red'],
          [0.8, 'orange'],
          [0.95, 'green'],
        ],
      ),
      shares({
        title: 'What time was spent on',
        description:
          'Productive steps; start-up and waiting for workers; recovery (what faults took, and steps computed ' +
          'again); checkpoints.',
        width: 10,
        queries: [
          [
            'sum by (state) (rate(lockstep_run_seconds_total{run="$run"}[$__rate_interval]))' +
              ' / on () group_left () sum(rate(lockstep_run_seconds_total{run="$run"}[$__rate_interval]))',
            '{{state}}',
          ],
        ],
      }),
      bars({
        title: 'Faults by kind',
        description:
          'What the run has met. None of them changes its result; each costs time, which the left panel shows.',
        unit: 'none',
        width: 10,
        queries: [happened('lockstep_faults_total', 'kind')],
      }),
      numbers({
        title: 'Work done again',
        description:
          'Steps computed again to come back to where the journal ends (only after all workers died), and lives ' +
          'of the coordinator.',
        unit: 'none',
        width: 12,
        height: 4,
        queries: [
          ['sum(increase(lockstep_steps_replayed_total{run="$run"}[$__range]))', 'steps replayed'],
          ['max(lockstep_term{run="$run"})', 'lives of the coordinator'],
        ],
      }),
      checkpoints(),
    ],
  };
}

function checkpoints(): Panel {
  return numbers({
    title: 'Checkpoints',
    description:
      'Written and failed, of all lives of the coordinator. A few failures between successes are a busy disk; ' +
      'only failures are a full one.',
    unit: 'none',
    width: 12,
    height: 4,
    queries: [
      ['max(lockstep_checkpoints_total{run="$run"})', 'written'],
      ['max(lockstep_checkpoint_failures_total{run="$run"})', 'failed'],
    ],
  });
}

/** How often something happened, in bars as wide as what is asked for at once. */
function happened(metric: string, label: string): Query {
  return [`sum by (${label}) (increase(${metric}{run="$run"}[$__rate_interval]))`, `{{${label}}}`];
}

export function trust(): Row {
  const counters: readonly Query[] = [
    ['max(lockstep_replica_mismatches_total{run="$run"})', 'replicas that differed'],
    ['max(lockstep_replay_mismatches_total{run="$run"})', 'steps that replayed differently'],
    ['max(lockstep_audit_mismatches_total{run="$run"})', 'audits that differed'],
  ];
  return {
    question: 'Can I trust the bits?',
    panels: [
      signals(
        {
          title: 'The same computation gave other bits',
          description:
            'Green at 0. Red: a machine computes wrongly (see the runbook, LockstepBitMismatch). A replica that ' +
            'differs is named and given the weights of the others; a step that replays differently ends the run.',
          unit: 'none',
          width: 12,
          height: 5,
          queries: counters,
        },
        [
          [null, 'green'],
          [1, 'red'],
        ],
      ),
      signals(
        {
          title: 'Refused',
          description:
            'Gradients that held no finite number, peers that have no business here, and messages that were not ' +
            'applied. A few late messages are the price of going on without a slow worker, and harmless.',
          unit: 'none',
          width: 12,
          height: 5,
          queries: [
            ['sum(lockstep_nonfinite_gradients_total{run="$run"})', 'gradients not finite'],
            ['sum(lockstep_auth_failures_total{run="$run"})', 'strangers'],
            ['sum(lockstep_gradients_rejected_total{run="$run"})', 'messages not applied'],
          ],
        },
        [
          [null, 'green'],
          [1, 'orange'],
        ],
      ),
      rows({
        title: 'What computes what',
        description:
          'Software and devices of each process that is scraped. Equal bytes are promised for one engine build, ' +
          'one kind of device and one number of threads.',
        unit: 'none',
        width: 24,
        height: 5,
        queries: [
          ['max by (version, node, engine, device) (lockstep_build_info{run="$run"})', ''],
          ['max by (preset, wire, optimizer, parameters) (lockstep_run_info{run="$run"})', ''],
        ],
      }),
    ],
  };
}
