/**
 * What each event of a run counts as. The same code counts what happens now and what a record says of earlier lives
 * of the coordinator, so that counters go on where they were.
 */
import type { FAULT_KINDS } from '@lockstep/metrics';
import type { MetricSet } from '@lockstep/metrics';
import type { RunEvent } from '../train/events.js';

type FaultKind = (typeof FAULT_KINDS)[number];
type Rejected = Extract<RunEvent, { event: 'rejected' }>;

/** Reasons to refuse a message that are faults, and which; other messages are only late, or of another life. */
const FAULTY: Partial<Record<Rejected['reason'], FaultKind>> = {
  damaged: 'message-damaged',
  'messages-missing': 'message-damaged',
  'wrong-size': 'message-damaged',
  'exchange-broken': 'exchange-broken',
  'not-finite': 'gradient-not-finite',
};

/** The kind of fault that an event tells of; null for one that tells of none. */
export function faultIn(event: RunEvent): FaultKind | null {
  switch (event.event) {
    case 'worker':
      return event.status === 'gone' ? 'worker-lost' : null;
    case 'late':
      return 'worker-late';
    case 'quarantined':
      return 'worker-quarantined';
    case 'coordinator':
      return event.status === 'started' ? 'coordinator-lost' : null;
    case 'mismatch':
      return 'bits-differ';
    case 'rejected':
      return FAULTY[event.reason] ?? null;
    case 'warning':
      return event.disk === undefined ? null : 'disk-refused';
    default:
      return null;
  }
}

export function countEvent(metrics: MetricSet, event: RunEvent): void {
  const fault = faultIn(event);
  if (fault !== null) metrics.add('faults_total', { kind: fault });
  switch (event.event) {
    case 'worker':
      if (event.status === 'gone') metrics.add('worker_exits_total', { reason: 'lost' });
      if (event.status === 'left') metrics.add('worker_exits_total', { reason: 'left' });
      return;
    case 'quarantined':
      return metrics.add('worker_exits_total', { reason: 'quarantined' });
    case 'rejected':
      return countRejected(metrics, event);
    case 'mismatch':
      return metrics.add(`${event.kind}_mismatches_total`, {});
    case 'checkpoint':
      return metrics.add('checkpoints_total', {});
    case 'warning':
      if (event.disk === 'checkpoint') metrics.add('checkpoint_failures_total', {});
      return;
    case 'validation':
      return metrics.set('loss_nats', { split: 'validation' }, event.loss);
    default:
      return;
  }
}

function countRejected(metrics: MetricSet, { worker, reason }: Rejected): void {
  metrics.add('gradients_rejected_total', { reason });
  if (reason === 'not-finite') metrics.add('nonfinite_gradients_total', {});
  const isStranger = worker === null;
  if (isStranger && (reason === 'other-run' || reason === 'other-version' || reason === 'not-a-member')) {
    metrics.add('auth_failures_total', { reason });
  }
}
