/** The dashboard "Run": one run, a row for each question that somebody who watches it asks. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame, labelVariable, withAll } from './frame.js';
import { cost, survival, trust } from './run-health.js';
import { end, learning, speed } from './run-progress.js';
import { slowness, waits } from './run-workers.js';

export function runDashboard(): Dashboard {
  return frame({
    uid: 'lockstep-run',
    title: 'lockstep / Run',
    description: 'Is it learning, how fast, who is slow, when will it finish, and can the result be trusted?',
    from: 'now-30m',
    variables: [
      labelVariable('run', 'Run', 'label_values(lockstep_run_active, run)'),
      withAll(labelVariable('worker', 'Worker', 'label_values(lockstep_worker_state{run="$run"}, worker)')),
    ],
    rows: [learning(), speed(), slowness(), waits(), end(), survival(), cost(), trust()],
  });
}
