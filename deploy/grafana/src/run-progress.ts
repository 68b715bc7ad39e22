/** The rows of the dashboard "Run" on what a run achieves: whether it learns, how fast, and until when. */
import type { Row } from './frame.js';
import { against, lines, numbers, signals } from './panels.js';

export function learning(): Row {
  return {
    question: 'Is it learning?',
    panels: [
      lines({
        title: 'Loss',
        description:
          'Nats a character; lower is better, and the logarithm of the number of different characters is ' +
          'guessing. It falls fast and then ever more slowly. Validation (with --validation-fraction) that rises ' +
          'while train falls means learning by heart; a jump up that does not come back means too high a ' +
          'learning rate. Marks are faults: they never change the curve.',
        unit: 'suffix: nats',
        queries: [['max by (split) (lockstep_loss_nats{run="$run"})', '{{split}}']],
      }),
      against({
        title: 'Loss by step',
        description:
          'The same train loss over steps and not over time: runs on different machines can be compared here, ' +
          'and waits do not show. The points of a run that went back to a checkpoint lie on those of the first ' +
          'time.',
        unit: 'none',
        queries: [
          ['max(lockstep_steps_committed{run="$run"})', 'step'],
          ['max(lockstep_loss_nats{run="$run", split="train"})', 'train loss'],
        ],
      }),
      lines({
        title: 'Gradient norm',
        description:
          'Length of the mean gradient before it is clipped. It settles within a factor of ten; peaks that grow ' +
          'come before the loss diverges: lower --learning-rate, or set --clip-norm below the peaks.',
        unit: 'none',
        queries: [['max(lockstep_gradient_norm{run="$run"})', 'norm']],
      }),
      numbers({
        title: 'Position',
        description: 'Steps that the weights have been through, passes over the text begun, and the size of an update.',
        unit: 'none',
        queries: [
          ['max(lockstep_steps_committed{run="$run"})', 'step'],
          ['max(lockstep_epoch{run="$run"})', 'epoch'],
          ['max(lockstep_learning_rate{run="$run"})', 'learning rate'],
        ],
      }),
    ],
  };
}

export function speed(): Row {
  return {
    question: 'How fast?',
    panels: [
      lines({
        title: 'Characters a second',
        description:
          'Characters learnt from in committed steps. Level while the same workers compute; it drops with each ' +
          'worker that is lost and comes back with the next. Zero: see "Will it survive?".',
        unit: 'count:characters/s',
        width: 8,
        queries: [['sum(rate(lockstep_tokens_total{run="$run"}[$__rate_interval]))', 'characters']],
      }).min(0),
      lines({
        title: 'Duration of a step',
        description:
          'Half of the steps are faster than p50, one in a hundred slower than p99. A p99 far above p50 is paid ' +
          'by some steps only: faults, checkpoints or a neighbour on the machine. Buckets double, so read them ' +
          'to a factor of 2.',
        unit: 's',
        width: 8,
        queries: [
          [quantile('0.5'), 'p50'],
          [quantile('0.99'), 'p99'],
        ],
      }).min(0),
      lines({
        title: 'Model FLOP/s',
        description:
          'Floating-point operations that the model needs for those characters, by the second; what ' +
          'recomputation or audits add is not counted. Divide by the peak of your devices for the utilisation ' +
          '(MFU).',
        unit: 'flops',
        width: 8,
        queries: [['sum(rate(lockstep_model_flops_total{run="$run"}[$__rate_interval]))', 'model']],
      }).min(0),
    ],
  };
}

const STEPS_BY_DURATION = 'sum by (le) (rate(lockstep_step_duration_seconds_bucket{run="$run"}[$__rate_interval]))';
const quantile = (share: string): string => `histogram_quantile(${share}, ${STEPS_BY_DURATION})`;

const REMAINING =
  '(max(lockstep_target_steps{run="$run"}) - max(lockstep_steps_committed{run="$run"}))' +
  ' / sum(rate(lockstep_steps_total{run="$run"}[15m]))';

export function end(): Row {
  return {
    question: 'When will it finish?',
    panels: [
      signals(
        {
          title: 'Progress',
          description: 'Committed steps out of those that the run is to make. It goes back only if all workers died.',
          unit: 'percentunit',
          width: 6,
          height: 5,
          queries: [['max(lockstep_steps_committed{run="$run"}) / max(lockstep_target_steps{run="$run"})', 'done']],
        },
        [
          [null, 'blue'],
          [1, 'green'],
        ],
      ),
      numbers({
        title: 'Time left',
        description: 'At the pace of the last 15 minutes. Infinite while nothing is committed.',
        unit: 'dtdurations',
        width: 6,
        height: 5,
        queries: [[REMAINING, 'left']],
      }),
      numbers({
        title: 'Finishes at',
        description: 'Now and the time left, on your clock. It wanders while the pace changes.',
        unit: 'dateTimeAsLocal',
        width: 6,
        height: 5,
        queries: [[`(time() + ${REMAINING}) * 1000`, 'end']],
      }),
      signals(
        {
          title: 'Margin before the deadline',
          description:
            'How long before --deadline the run ends at this pace; red and negative when it will be late. A run ' +
            'without a deadline shows the word none.',
          unit: 'dtdurations',
          width: 6,
          height: 5,
          queries: [[`max(lockstep_deadline_timestamp_seconds{run="$run"} > 0) - time() - ${REMAINING}`, 'margin']],
        },
        [
          [null, 'red'],
          [0, 'green'],
        ],
      ).noValue('none'),
    ],
  };
}
