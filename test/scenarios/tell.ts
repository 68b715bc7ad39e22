/** What a machine does, as lines of a trace: short, in the words of the design, steps counted from 1. */
import { EXIT_CODES } from '@lockstep/config';
import type {
  CoordinatorAction,
  CoordinatorMessage,
  Failure,
  Report,
  StepRecord,
  WorkerAction,
  WorkerMessage,
} from '@lockstep/protocol';

/** A coordinator's actions; heartbeats and what only frees memory are left out. */
export function tellCoordinator(action: CoordinatorAction): readonly string[] {
  switch (action.type) {
    case 'send':
      if (action.message.type === 'heartbeat') return [];
      return [`-> ${action.peer} ${stampOf(action)} ${tellMessage(action.message)}`];
    case 'begin-step':
      return [`begins step ${action.step + 1} with ${counted(action.shards, 'shard')}`];
    case 'collect':
      return [`counts shard ${action.shard} of step ${action.step + 1}`];
    case 'reduce':
      return [`sums step ${action.step + 1} over ${action.characters} characters`];
    case 'hold-replica':
      return [`holds the replica ${after(action.replica.step)} for joiners`];
    case 'release-replica':
      return [];
    case 'checkpoint':
      return [`writes a checkpoint ${after(action.replica.step)}`];
    case 'restore':
      return ['loads the newest checkpoint'];
    case 'commit': {
      const { weightsDigest } = action.committed;
      return [`journals ${tellRecord(action.committed)}, weights ${weightsDigest ?? 'not compared'}`];
    }
    case 'journal-plan':
      return [
        `journals a plan: ${counted(action.plan.shards.length, 'shard')} from step ${action.plan.fromStep + 1} on`,
      ];
    case 'drop':
      return [`drops ${action.peer}`];
    case 'reply':
      return [`replies ${action.ok ? 'yes' : 'no'}: ${action.text}`];
    case 'report':
      return [`reports ${tellReport(action.report)}`];
    case 'end': {
      const { outcome } = action;
      const how = outcome.result === 'failed' ? tellFailure(outcome.failure) : outcome.result;
      return [`ENDS after ${counted(outcome.steps, 'step')}: ${how}`];
    }
  }
}

/** A worker's actions; heartbeats are left out. */
export function tellWorker(action: WorkerAction): readonly string[] {
  switch (action.type) {
    case 'send':
      return action.message.type === 'heartbeat' ? [] : [`-> ${stampOf(action)} ${tellMessage(action.message)}`];
    case 'compute': {
      const { task } = action;
      const step = 'step' in task ? ` ${after(task.step)}` : '';
      return [`computes ${task.type}${step}`];
    }
    case 'exchange': {
      const { plan, self, held } = action;
      const shards = [...held.keys()].join(' ');
      return [`exchanges ${plan.exchange} of step ${plan.step + 1} as member ${self}, holding shards ${shards}`];
    }
    case 'exchange-over':
      return ['forgets the exchange'];
    case 'reconnect':
      return [`connects anew: ${action.reason}`];
    case 'note':
      return [`notes: ${action.what}`];
    case 'end': {
      const { outcome } = action;
      return [`ENDS: ${outcome.result === 'failed' ? tellFailure(outcome.failure) : outcome.result}`];
    }
  }
}

function stampOf({ stamp }: { readonly stamp: { readonly conversation: number; readonly sequence: number } }): string {
  return `${stamp.conversation}.${stamp.sequence}`;
}

function tellMessage(message: CoordinatorMessage | WorkerMessage): string {
  switch (message.type) {
    case 'assign': {
      const { step, shard, attempt, digest, ship } = message;
      const how = `${digest ? ', name the weights' : ''}${ship ? '' : ', hold it'}`;
      return `assign step ${step + 1} shard ${shard} attempt ${attempt}${how}`;
    }
    case 'update':
      return tellUpdate(message);
    case 'exchange': {
      const { exchange, step, members, holders } = message;
      const names = members.map(({ peer }) => peer).join(' ');
      return `exchange ${exchange} of step ${step + 1} among ${names}, shards held by ${holders.join(' ')}`;
    }
    case 'exchanged':
      return `exchanged ${message.exchange} of step ${message.step + 1}`;
    case 'exchange-broken':
      return `exchange ${message.exchange} broken with ${message.peer}: ${message.reason}`;
    case 'exchange-waits':
      return `exchange ${message.exchange} waits for ${message.missing.join(' ')}`;
    case 'replica':
      return `replica ${after(message.step)}, part ${message.part + 1} of ${message.parts}`;
    case 'snapshot':
      return `snapshot ${after(message.step)}, part ${message.part + 1} of ${message.parts}`;
    case 'snapshot-request':
      return `asks for a snapshot ${after(message.step)}`;
    case 'welcome':
      return `welcome to term ${message.term} as worker ${message.slot}`;
    case 'refuse':
      return `refuse: ${tellFailure(message.failure)}`;
    case 'wait':
      return `wait ${message.seconds} s: ${message.detail}`;
    case 'stop':
      return `stop: ${message.reason}${message.detail === '' ? '' : ` (${message.detail})`}`;
    case 'hello':
      return `hello, ${message.obeyed === null ? 'new' : `has obeyed term ${message.obeyed.term}`}`;
    case 'ready': {
      const { replica, records } = message;
      const told = records.length === 0 ? '' : `, tells of ${records.map(({ step }) => `step ${step + 1}`).join(' ')}`;
      return `ready, ${replica === null ? 'empty' : `holds ${replica.digest} ${after(replica.step)}`}${told}`;
    }
    case 'synced':
      return `synced ${after(message.step)} ${message.digest}`;
    case 'gradient':
      return tellGradient(message);
    case 'applied':
      return `applied step ${message.step + 1} ${message.digest ?? ''}`.trimEnd();
    case 'ship':
    case 'shipped':
      return `${message.type} step ${message.step + 1} shard ${message.shard} attempt ${message.attempt}`;
    case 'failed':
      return `failed: ${tellFailure(message.failure)}`;
    default:
      return message.type;
  }
}

function tellGradient({ step, shard, attempt, held }: Extract<WorkerMessage, { type: 'gradient' }>): string {
  return `gradient step ${step + 1} shard ${shard} attempt ${attempt}${held === null ? '' : ', held'}`;
}

function tellUpdate({ step, digest, exchange }: Extract<CoordinatorMessage, { type: 'update' }>): string {
  const source = exchange === null ? '' : ` of exchange ${exchange}`;
  return `update step ${step + 1}${source}${digest ? ', name the weights' : ''}`;
}

function tellReport(report: Report): string {
  switch (report.type) {
    case 'worker':
      return `worker ${report.slot} ${report.status}${report.detail === '' ? '' : `: ${report.detail}`}`;
    case 'assigned': {
      const dealt = [...report.shards].map(([slot, shards]) => `worker ${slot} has ${shards.join(' ')}`);
      return `step ${report.step + 1} dealt: ${dealt.join(', ')}`;
    }
    case 'answered':
      return `worker ${report.slot} answered shard ${report.shard} of step ${report.step + 1}`;
    case 'late': {
      const { slot, step, activity, waitedMs, medians } = report;
      return `worker ${slot} late at step ${step + 1}: ${activity} for ${waitedMs} ms, ${medians.toFixed(1)} medians`;
    }
    case 'recovered': {
      const replay = report.replayUntil > report.step ? `, replays up to step ${report.replayUntil}` : '';
      return `recovered from ${report.from} ${after(report.step)}${replay}`;
    }
    case 'topology':
      return `topology ${report.topology}: ${report.why}`;
    case 'plan':
      return `${counted(report.shards, 'shard')} from step ${report.fromStep + 1} on`;
    case 'quarantined':
      return `${report.name} quarantined: ${report.detail}`;
    case 'validation':
      return `validation ${after(report.step)}: loss ${report.loss}`;
    case 'sample':
      return 'a sample';
    case 'rejected': {
      const whose = report.slot === null ? 'a stranger' : `worker ${report.slot}`;
      return `rejected of ${whose}, ${report.reason}: ${report.detail}`;
    }
    case 'mismatch':
      return `bits that differ (${report.kind}): ${report.what}`;
    case 'warning':
      return `a warning: ${report.what}`;
  }
}

function tellRecord({ step, loss, shardDigests }: Pick<StepRecord, 'step' | 'loss' | 'shardDigests'>): string {
  return `step ${step + 1}: loss ${loss}, shards ${shardDigests.join(' ')}`;
}

function tellFailure({ kind, what, hint }: Failure): string {
  return `exit ${EXIT_CODES[kind]} (${kind}), ${what}; ${hint}`;
}

function after(steps: number): string {
  return `after ${counted(steps, 'step')}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
