/** The sentences that the terminal and the plain view share. */
import type { RunEvent } from '../train/events.js';
import { formatCount, formatLoss, formatSeconds } from './format.js';
import { printable } from './printable.js';

type EventOf<T extends RunEvent['event']> = Extract<RunEvent, { event: T }>;

/** `1 shard`, `2 shards` */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

export function startLines(event: EventOf<'start'>): readonly string[] {
  const { config, workers, minWorkers, endpoint } = event;
  const chosen = event.presetChosen ? `, chosen for a ${event.device.toUpperCase()}` : '';
  const waiting = workers === 0 ? `waiting for ${plural(minWorkers, 'worker')}` : plural(workers, 'local worker');
  const { text, batchSize, sequenceLength } = config;
  return [
    `run ${event.runId} in ${event.runDirectory}`,
    `text    ${text.sources.join(', ')}: ${formatCount(text.characters)} characters, ${config.vocabularySize} ids`,
    `model   embedding ${config.embedding}, GRU ${config.units}, ${formatCount(event.parameters)} weights ` +
      `(preset ${event.preset}${chosen})`,
    `batch   ${batchSize} sequences of ${sequenceLength} characters in ${plural(config.shards, 'shard')}; ` +
      `${plural(event.totalSteps, 'step')}, ${formatCount(event.stepsPerEpoch)} an epoch`,
    `engine  ${event.engine}, ${plural(config.threads, 'thread')} a worker; ${waiting} at ${endpoint}`,
    ...resumedLines(event),
  ];
}

/** A run that goes on says from where. */
function resumedLines({ resumedAt, totalSteps }: EventOf<'start'>): readonly string[] {
  return resumedAt === null ? [] : [`resumed after step ${formatCount(resumedAt)} of ${formatCount(totalSteps)}`];
}

/** Who has gone is said once, where the reason begins with it. */
export function workerLine({ worker, status, detail }: EventOf<'worker'>): string {
  const reason = detail.replace(new RegExp(`^worker ${worker} \\([^()]*\\): `), '');
  return `worker ${worker} ${status}${reason === '' ? '' : `: ${printable(reason)}`}`;
}

/** Nothing of one that is lost: the next one is there soon, or the failure says more. */
export function coordinatorLines({ status, detail, term }: EventOf<'coordinator'>): readonly string[] {
  return status === 'lost'
    ? []
    : [`warning: the coordinator ${printable(detail)}; started again (term ${term ?? '?'})`];
}

export function lateLine(event: EventOf<'late'>): string {
  const { worker, name, host, step, activity, waitedSeconds, medians } = event;
  const doing = activity === 'silent' ? 'is silent' : `says it is ${activity}`;
  return (
    `worker ${worker} (${printable(name)} on ${printable(host)}) is late at step ${formatCount(step)}: ` +
    `${waitedSeconds.toFixed(1)} s, ${medians.toFixed(1)} times as long as others; it ${doing}; others do its work too`
  );
}

export function recoveredLine({ from, step, replayUntil }: EventOf<'recovered'>): string {
  const source = from === 'replicas' ? 'from the weights that workers hold' : 'from the checkpoint';
  const again = replayUntil - step;
  const replay = again > 0 ? `; ${plural(again, 'step')} computed again and compared with the journal` : '';
  return `goes on ${source} after step ${formatCount(step)}${replay}`;
}

export function topologyLine({ topology, why }: EventOf<'topology'>): string {
  const who = topology === 'mesh' ? 'the workers among themselves' : 'the coordinator';
  return `topology ${topology}: gradients are summed by ${who} (${why})`;
}

export function planLine({ fromStep, shards }: EventOf<'plan'>): string {
  return `${plural(shards, 'shard')} a batch from step ${formatCount(fromStep)} on`;
}

export function quarantinedLine({ name, detail }: EventOf<'quarantined'>): string {
  return `${printable(name)} is not let in again: ${printable(detail)}`;
}

/** Where several workers compute a shard, all answers but one come too late: nothing to speak of. */
export function isOrdinary({ reason }: EventOf<'rejected'>): boolean {
  return reason === 'late';
}

export function rejectedLine({ worker, reason, detail }: EventOf<'rejected'>): string {
  const who = worker === null ? 'a stranger' : `worker ${worker}`;
  return `ignored from ${who}: ${reason}${detail === '' ? '' : `, ${printable(detail)}`}`;
}

export function validationLine(event: EventOf<'validation'>): string {
  return `validation loss ${formatLoss(event.loss)} after step ${formatCount(event.step)}`;
}

export function sampleLines(event: EventOf<'sample'>): readonly string[] {
  return ['', 'A sample, after the beginning of the text:', '', event.prime + event.text, ''];
}

export function summaryLines({ summary, runDirectory, next }: EventOf<'summary'>): readonly string[] {
  const epochs = summary.epochMeanLoss.map(formatLoss).join(', ');
  const validation = summary.validationLoss === null ? '' : `, validation ${formatLoss(summary.validationLoss)}`;
  return [
    `${summary.result} after ${plural(summary.steps, 'step')} in ${formatSeconds(summary.wallSeconds)}, ` +
      `${formatCount(summary.charactersPerSecond)} characters a second`,
    `loss       ${epochs === '' ? 'none yet' : `${epochs} nats a character, mean of each epoch`}${validation}`,
    `weights    SHA-256 ${summary.weightsSha256}`,
    `wrote      ${runDirectory}: summary.json, journal.ndjson, checkpoints/`,
    ...next.map((command, index) => `${index === 0 ? 'next ' : '     '}      ${command}`),
  ];
}
