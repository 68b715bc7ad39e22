/** The sentences that the terminal and the plain view share. */
import type { RunEvent } from '../train/events.js';
import { formatCount, formatLoss, formatSeconds } from './format.js';

type EventOf<T extends RunEvent['event']> = Extract<RunEvent, { event: T }>;

export function startLines(event: EventOf<'start'>): readonly string[] {
  const { config } = event;
  const preset = event.presetChosen ? `preset ${event.preset}, chosen for ${event.device === 'gpu' ? 'a GPU' : 'a CPU'}` : `preset ${event.preset}`;
  const remote = event.workers === 0 ? `; waiting for ${event.minWorkers} at ${event.endpoint}` : ` at ${event.endpoint}`;
  return [
    `run ${event.runId} in ${event.runDirectory}`,
    `text    ${config.text.sources.join(', ')}: ${formatCount(config.text.characters)} characters, ${config.vocabularySize} ids`,
    `model   embedding ${config.embedding}, GRU ${config.units}, ${formatCount(event.parameters)} weights (${preset})`,
    `batch   ${config.batchSize} sequences of ${config.sequenceLength} characters in ${config.shards} ${config.shards === 1 ? 'shard' : 'shards'}; ` +
      `${formatCount(event.totalSteps)} steps, ${formatCount(event.stepsPerEpoch)} an epoch`,
    `engine  ${event.engine}, ${config.threads} ${config.threads === 1 ? 'thread' : 'threads'} a worker; ${event.workers} local workers${remote}`,
  ];
}

export function validationLine(event: EventOf<'validation'>): string {
  return `validation loss ${formatLoss(event.loss)} after step ${formatCount(event.step)}`;
}

export function sampleLines(event: EventOf<'sample'>): readonly string[] {
  return ['', 'A sample, after the beginning of the text:', '', event.prime + event.text, ''];
}

export function summaryLines({ summary, runDirectory, checkpoint }: EventOf<'summary'>): readonly string[] {
  const epochs = summary.epochMeanLoss.map(formatLoss).join(', ');
  const validation = summary.validationLoss === null ? '' : `, validation ${formatLoss(summary.validationLoss)}`;
  return [
    `${summary.result === 'done' ? 'done' : 'stopped'} after ${formatCount(summary.steps)} steps in ${formatSeconds(summary.wallSeconds)}, ` +
      `${formatCount(summary.charactersPerSecond)} characters a second`,
    `loss       ${epochs === '' ? 'none yet' : `${epochs} nats a character, mean of each epoch`}${validation}`,
    `weights    SHA-256 ${summary.weightsSha256}`,
    `wrote      ${runDirectory}: summary.json, journal.ndjson, checkpoints/`,
    `next       npx lockstep sample --checkpoint ${checkpoint} --prime "She was " --length 300`,
    `           npx lockstep train --init-from ${checkpoint}`,
  ];
}
