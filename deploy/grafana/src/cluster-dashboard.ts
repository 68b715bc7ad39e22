/** The dashboard "Cluster": all runs and workers side by side, to find the one that is worth a look. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame, labelVariable, withAll } from './frame.js';
import type { Row } from './frame.js';
import { areas, bars, lines, numbers, rows, signals } from './panels.js';

const GOODPUT =
  'sum by (run) (rate(lockstep_run_seconds_total{run=~"$run", state="productive"}[1h]))' +
  ' / sum by (run) (rate(lockstep_run_seconds_total{run=~"$run"}[1h]))';

export function clusterDashboard(): Dashboard {
  const worker = labelVariable('worker', 'Worker', 'label_values(lockstep_worker_state{run=~"$run"}, worker)');
  return frame({
    uid: 'lockstep-cluster',
    title: 'lockstep / Cluster',
    description: 'All runs and their workers: who is there, what they use, and who meets faults.',
    from: 'now-3h',
    variables: [withAll(labelVariable('run', 'Run', 'label_values(lockstep_run_active, run)')), withAll(worker)],
    rows: [overview(), resources(), trouble()],
  });
}

function overview(): Row {
  return {
    question: 'What goes on?',
    panels: [
      numbers({
        title: 'Now',
        description:
          'Runs that go on, workers that are ready to compute, and what all of them learn from by the second.',
        unit: 'short',
        width: 8,
        queries: [
          ['sum(lockstep_run_active{run=~"$run"})', 'runs'],
          ['sum(lockstep_workers{run=~"$run", state="ready"})', 'workers ready'],
          ['sum(rate(lockstep_tokens_total{run=~"$run"}[$__rate_interval]))', 'characters/s'],
        ],
      }),
      rows({
        title: 'Runs',
        description:
          'One row a run: share of its steps that is done, train loss, characters a second, share of the last ' +
          'hour that brought it forward. Open the dashboard "Run" for the one that stands out.',
        unit: 'none',
        width: 16,
        queries: [
          [
            'max by (run) (lockstep_steps_committed{run=~"$run"}) / max by (run) (lockstep_target_steps{run=~"$run"})',
            'done',
          ],
          ['max by (run) (lockstep_loss_nats{run=~"$run", split="train"})', 'loss'],
          ['sum by (run) (rate(lockstep_tokens_total{run=~"$run"}[$__rate_interval]))', 'characters/s'],
          [GOODPUT, 'goodput'],
        ],
      })
        .overrideByName('Value #A', named('done', 'percentunit'))
        .overrideByName('Value #B', named('train loss', 'suffix: nats'))
        .overrideByName('Value #C', named('speed', 'count:characters/s'))
        .overrideByName('Value #D', named('goodput', 'percentunit'))
        .overrideByName('Time', [{ id: 'custom.hidden', value: true }]),
      areas({
        title: 'Workers by state',
        description: 'Of all chosen runs. Workers that stay out of ready for minutes are stuck: see their logs.',
        unit: 'none',
        queries: [['sum by (state) (lockstep_workers{run=~"$run"})', '{{state}}']],
      }),
      lines({
        title: 'Characters a second, by run',
        description: 'Runs that share machines take from each other: one rises as another ends.',
        unit: 'count:characters/s',
        queries: [['sum by (run) (rate(lockstep_tokens_total{run=~"$run"}[$__rate_interval]))', '{{run}}']],
      }).min(0),
    ],
  };
}

const named = (name: string, unit: string) => [
  { id: 'displayName', value: name },
  { id: 'unit', value: unit },
];

function resources(): Row {
  const ofWorkers = '{run=~"$run", worker=~"$worker"}';
  return {
    question: 'What do they use?',
    panels: [
      lines({
        title: 'Memory of workers',
        description: 'Resident memory of each. Level after the first steps; growth without end is a leak.',
        unit: 'bytes',
        width: 8,
        queries: [
          [`max by (run, worker) (lockstep_worker_resident_memory_bytes${ofWorkers})`, '{{run}} worker {{worker}}'],
        ],
      }).min(0),
      lines({
        title: 'Processors used by workers',
        description: 'Cores that each keeps busy. It should come near --threads; far below it the worker waits.',
        unit: 'suffix: cores',
        width: 8,
        queries: [
          [
            `max by (run, worker) (rate(lockstep_worker_cpu_seconds_total${ofWorkers}[$__rate_interval]))`,
            '{{run}} worker {{worker}}',
          ],
        ],
      }).min(0),
      lines({
        title: 'Memory of scraped processes',
        description:
          'Resident memory of each process that has an endpoint: coordinators, and workers where they have one.',
        unit: 'bytes',
        width: 8,
        queries: [['max by (run, instance) (process_resident_memory_bytes{run=~"$run"})', '{{run}} {{instance}}']],
      }).min(0),
      lines({
        title: 'Processors used by scraped processes',
        description: 'Cores. A coordinator that keeps one busy has become the limit of its run: take --topology mesh.',
        unit: 'suffix: cores',
        width: 8,
        queries: [
          [
            'max by (run, instance) (rate(process_cpu_seconds_total{run=~"$run"}[$__rate_interval]))',
            '{{run}} {{instance}}',
          ],
        ],
      }).min(0),
      lines({
        title: 'Lag of event loops (p99)',
        description:
          'How late a process comes to its timers. Tens of milliseconds are usual under load, seconds are not.',
        unit: 's',
        width: 8,
        queries: [['max by (run, instance) (nodejs_eventloop_lag_p99_seconds{run=~"$run"})', '{{run}} {{instance}}']],
      }).min(0),
      lines({
        title: 'Time of a scrape',
        description: 'What Prometheus waits for each answer. It should stay far below the interval between scrapes.',
        unit: 's',
        width: 8,
        queries: [
          ['scrape_duration_seconds and on (job, instance) lockstep_build_info{run=~"$run"}', '{{job}} {{instance}}'],
        ],
      }).min(0),
    ],
  };
}

function trouble(): Row {
  return {
    question: 'Who meets faults?',
    panels: [
      lines({
        title: 'Goodput over an hour, by run',
        description: 'Share of the time that brought a run forward. Below 80 % the alert LockstepLowGoodput fires.',
        unit: 'percentunit',
        width: 8,
        queries: [[GOODPUT, '{{run}}']],
      })
        .min(0)
        .max(1),
      bars({
        title: 'Faults by kind',
        description: 'Of all chosen runs. The same kind in several runs at once points at the network or a machine.',
        unit: 'none',
        width: 8,
        queries: [['sum by (kind) (increase(lockstep_faults_total{run=~"$run"}[$__rate_interval]))', '{{kind}}']],
      }),
      bars({
        title: 'Workers lost, by run',
        description: 'Each is started again, out of the budget of --max-faults.',
        unit: 'none',
        width: 8,
        queries: [
          [
            'sum by (run) (increase(lockstep_worker_exits_total{run=~"$run", reason="lost"}[$__rate_interval]))',
            '{{run}}',
          ],
        ],
      }),
      signals(
        {
          title: 'Lives of coordinators',
          description: 'One is a coordinator that has never died. More than three within an hour raise an alert.',
          unit: 'none',
          height: 5,
          queries: [['max by (run) (lockstep_term{run=~"$run"})', '{{run}}']],
        },
        [
          [null, 'green'],
          [2, 'orange'],
        ],
      ),
      signals(
        {
          title: 'Bits that differed, by run',
          description: 'Green at 0. Red: a machine computes wrongly; see the runbook, LockstepBitMismatch.',
          unit: 'none',
          height: 5,
          queries: [
            [
              'max by (run) (lockstep_replica_mismatches_total{run=~"$run"}) + max by (run) ' +
                '(lockstep_replay_mismatches_total{run=~"$run"}) + max by (run) ' +
                '(lockstep_audit_mismatches_total{run=~"$run"})',
              '{{run}}',
            ],
          ],
        },
        [
          [null, 'green'],
          [1, 'red'],
        ],
      ),
    ],
  };
}
