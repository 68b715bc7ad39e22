/** What happens in a run in the words of its page: sentences are those of the terminal. */
import { stepRow } from '@lockstep/page';
import type { Entry, EntryKind, PageUpdate, RunFacts } from '@lockstep/page';
import { basename, resolve } from 'node:path';
import { faultIn } from '../observe/count-event.js';
import type { RecordedEvent } from '../record/event-record.js';
import type { RunEvent } from '../train/events.js';
import { formatCount, formatLoss, formatSeconds } from '../views/format.js';
import { failureLines } from '../views/failure-lines.js';
import {
  coordinatorLines,
  isOrdinary,
  lateLine,
  planLine,
  quarantinedLine,
  recoveredLine,
  rejectedLine,
  topologyLine,
  workerLine,
} from '../views/messages.js';
import { printable } from '../views/printable.js';
import { configRows } from './config-rows.js';

/** An event, when it was, and how many steps were committed then. */
export interface ToldEvent {
  readonly at: string;
  readonly committed: number;
  readonly event: RunEvent;
}

/** What a run has written down of itself. */
export function toldEvent(recorded: RecordedEvent): ToldEvent {
  return { at: recorded.at, committed: recorded.committed, event: recorded };
}

type EventOf<T extends RunEvent['event']> = Extract<RunEvent, { event: T }>;

export function updatesOf(record: ToldEvent): readonly PageUpdate[] {
  const { event } = record;
  switch (event.event) {
    case 'start':
      return startUpdates(record, event);
    case 'worker':
      return workerUpdates(record, event);
    case 'step':
      return [{ type: 'steps', rows: [stepRow(event)] }];
    case 'validation':
      return [{ type: 'validation', point: { step: event.step, loss: event.loss } }];
    case 'checkpoint':
      return checkpointUpdates(record, event);
    case 'sample':
      return [{ type: 'sample', sample: { step: record.committed, prime: event.prime, text: event.text } }];
    case 'rejected':
      return isOrdinary(event) ? [] : [entry(record, faultIn(event) === null ? 'info' : 'fault', rejectedLine(event))];
    case 'late':
      return [entry(record, 'fault', lateLine(event)), member(record, event.worker, 'behind')];
    case 'quarantined':
      return [entry(record, 'fault', quarantinedLine(event))];
    case 'recovered':
      return [entry(record, 'recovery', recoveredLine(event))];
    case 'topology':
      return [entry(record, 'info', topologyLine(event))];
    case 'plan':
      return [entry(record, 'info', planLine(event))];
    case 'notice':
      return [entry(record, 'info', printable(event.text))];
    case 'mismatch':
      return [entry(record, 'fault', printable(event.text))];
    case 'warning':
      return [entry(record, faultIn(event) === null ? 'warning' : 'fault', printable(event.text))];
    case 'coordinator':
      return coordinatorLines(event).map((line) => entry(record, 'fault', line.replace(/^warning: /, '')));
    case 'failure':
      return failureLines(event)
        .slice(0, 1)
        .map((line) => entry(record, 'fault', line));
    case 'failed':
      return [entry(record, 'end', printable(`${event.detail}; ${event.hint}`)), member(record, null, 'ended')];
    case 'summary':
      return summaryUpdates(record, event);
    case 'assigned':
    case 'answered':
      return [];
  }
}

function entry({ at, committed }: ToldEvent, kind: EntryKind, text: string): PageUpdate {
  return { type: 'entry', entry: { at, step: committed, kind, text } satisfies Entry };
}

function member({ at }: ToldEvent, slot: number | null, state: string, name: string | null = null): PageUpdate {
  return { type: 'member', change: { at, slot, name, state } };
}

/** The first one is the beginning of the run. */
function checkpointUpdates(record: ToldEvent, { step }: EventOf<'checkpoint'>): readonly PageUpdate[] {
  const text = `checkpoint of step ${formatCount(step)}`;
  return step === 0 ? [] : [entry({ ...record, committed: step }, 'checkpoint', text)];
}

function startUpdates(record: ToldEvent, event: EventOf<'start'>): readonly PageUpdate[] {
  const { resumedAt, totalSteps } = event;
  const text = resumedAt === null ? 'the run begins' : `the run goes on after step ${formatCount(resumedAt)}`;
  return [
    { type: 'facts', facts: factsOf(event) },
    entry(record, 'info', `${text}, to make ${formatCount(totalSteps)} steps`),
    member(record, null, 'leads'),
  ];
}

/** Only a worker that goes, or is let in, is worth a line; its other states are in its row of the timeline. */
function workerUpdates(record: ToldEvent, event: EventOf<'worker'>): readonly PageUpdate[] {
  const { worker, status, detail } = event;
  const name = status === 'preparing' ? printable(detail.replace(/, pid \d+ on .*$/, '')) : null;
  const change = member(record, worker, status, name);
  if (status === 'gone') return [change, entry(record, 'fault', workerLine(event))];
  return status === 'ready' || status === 'left' ? [change, entry(record, 'member', workerLine(event))] : [change];
}

function summaryUpdates(record: ToldEvent, { summary }: EventOf<'summary'>): readonly PageUpdate[] {
  const { result, steps, validationLoss, weightsSha256, charactersPerSecond, wallSeconds } = summary;
  const text = `${result} after ${formatCount(steps)} steps in ${formatSeconds(wallSeconds)}`;
  return [
    { type: 'outcome', outcome: { result, steps, validationLoss, weightsSha256, charactersPerSecond, wallSeconds } },
    entry(record, 'end', validationLoss === null ? text : `${text}, validation loss ${formatLoss(validationLoss)}`),
    member(record, null, 'ended'),
  ];
}

function factsOf(event: EventOf<'start'>): RunFacts {
  const { runId, runDirectory, engine, device, preset, parameters, totalSteps, stepsPerEpoch, config } = event;
  return {
    ...{ runId, name: basename(resolve(runDirectory)), engine, device, preset, parameters, totalSteps, stepsPerEpoch },
    config: configRows(config),
  };
}
