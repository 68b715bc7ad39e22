/**
 * `lockstep scale`, `drain` and `reshard`: change a run while it goes on, by a word to its coordinator on this
 * machine. Each waits until what was asked for is in force or under way, and says so.
 */
import { LIMITS, LockstepError } from '@lockstep/config';
import { CONTROL_LENGTH_MAX, decodeControlReply, encodeControlRequest } from '@lockstep/protocol';
import type { ControlCommand, ControlReply } from '@lockstep/protocol';
import { connectZeroMQClient } from '@lockstep/transport';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { quote } from '../train/quote.js';
import { printable } from '../views/printable.js';
import { currentState, describeEnd, findRunToChange, isOver, RUN_POSITIONAL } from './find-run.js';
import type { FoundRun } from './find-run.js';
import type { CommandBody } from './command-body.js';

/** The coordinator gives up first, and says so. */
const ANSWER_DEADLINE_MS = LIMITS.commandDeadlineMs + 5_000;

/** @throws LockstepError when there is no run that takes commands here, or it refuses this one */
async function command(path: unknown, order: ControlCommand): Promise<void> {
  const run = await findRunToChange(path);
  const { control, host, runId } = run.file;
  if (host !== hostname()) {
    throw new LockstepError('unavailable', `the coordinator of ${run.path} runs on ${host}`, 'give the command there');
  }
  if (run.alive !== true || control === null || isOver(run.file)) throw takesNone(run);
  const { ok, text } = await ask(control, runId, order);
  if (!ok) throw new LockstepError('usage', printable(text), `see lockstep status ${run.path}`);
  process.stdout.write(`${printable(text)}\n`);
}

/** Why a run takes no commands, and what can be done with it. */
function takesNone(run: FoundRun): LockstepError {
  const { path, file } = run;
  const state = currentState(run);
  if (!isOver(file) && state !== 'died') {
    return new LockstepError('unavailable', `${path} takes no commands just now (${state})`, 'try again in a moment');
  }
  const goOn = `lockstep train --resume ${quote(path)} ${state === 'done' ? '--steps N ' : ''}goes on`;
  return new LockstepError('unavailable', `the run in ${path} has ended (${describeEnd(run)})`, goOn);
}

async function ask(endpoint: string, run: string, order: ControlCommand): Promise<ControlReply> {
  const options = { endpoint, peerId: randomUUID(), maxFrameBytes: CONTROL_LENGTH_MAX };
  const client = await connectZeroMQClient(options);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<ControlReply>((resolve, reject) => {
      const silent = new LockstepError(
        'unavailable',
        `no answer from ${endpoint}`,
        'see lockstep status, or try again',
      );
      timer = setTimeout(() => reject(silent), ANSWER_DEADLINE_MS);
      client.onEvent((event) => {
        if (event.type === 'disconnected') reject(silent);
        if (event.type === 'message') resolve(decodeControlReply(event.frames));
      });
      client.send(encodeControlRequest({ run, command: order }));
    });
  } finally {
    clearTimeout(timer);
    await client.close(0);
  }
}

/** A whole number given as a positional. */
function wholeNumber(argv: ArgumentsCamelCase, name: string, min: number): number {
  const value = Number(argv[name]);
  if (Number.isSafeInteger(value) && value >= min && value <= 1_024) return value;
  throw new LockstepError('usage', `${String(argv[name])} is not usable`, `give a whole number from ${min} to 1024`);
}

export const scaleCommand: CommandBody = {
  builder: (cli: Argv) =>
    cli
      .positional('workers', { type: 'string', demandOption: true, describe: 'Local workers from now on' })
      .positional('run', RUN_POSITIONAL),
  handler: async (argv) => {
    await command(argv['run'], { type: 'scale', workers: wholeNumber(argv, 'workers', 0) });
  },
};

export const drainCommand: CommandBody = {
  builder: (cli: Argv) =>
    cli
      .positional('worker', { type: 'string', demandOption: true, describe: 'Number or name, as in lockstep status' })
      .positional('run', RUN_POSITIONAL),
  handler: async (argv) => {
    await command(argv['run'], { type: 'drain', worker: String(argv['worker']) });
  },
};

export const reshardCommand: CommandBody = {
  builder: (cli: Argv) =>
    cli
      .positional('shards', { type: 'string', demandOption: true, describe: 'Shards of a batch from now on' })
      .positional('run', RUN_POSITIONAL),
  handler: async (argv) => {
    await command(argv['run'], { type: 'reshard', shards: wholeNumber(argv, 'shards', 1) });
  },
};
