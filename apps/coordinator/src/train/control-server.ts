/**
 * Takes commands for the running run from other processes of this machine: `lockstep scale`, `drain`, `reshard`. On
 * the loopback interface only; run.json says where.
 */
import { LIMITS, toLockstepError } from '@lockstep/config';
import { CONTROL_LENGTH_MAX, decodeControlRequest, encodeControlReply } from '@lockstep/protocol';
import type { ControlCommand } from '@lockstep/protocol';
import type { CommandReply, CoordinatorLoop } from '@lockstep/runtime';
import { bindZeroMQServer } from '@lockstep/transport';
import { setTimeout as delay } from 'node:timers/promises';
import type { LocalPeers } from './local-peers.js';

/** Commands that may be worked on at a time. */
const PENDING_MAX = 16;

export interface ControlServer {
  readonly endpoint: string;
  /** Calls the listener when a command has been carried out, before its answer is sent. */
  onCarriedOut(listener: () => void): void;
  close(): Promise<void>;
}

export async function bindControl(runId: string, loop: CoordinatorLoop, locals: LocalPeers): Promise<ControlServer> {
  const server = await bindZeroMQServer({ endpoint: 'tcp://127.0.0.1:0', maxFrameBytes: CONTROL_LENGTH_MAX });
  let pending = 0;
  let carriedOut = (): void => undefined;
  const answer = async (frames: readonly Uint8Array[]): Promise<CommandReply> => {
    try {
      const { run, command } = decodeControlRequest(frames);
      if (run !== runId) return { ok: false, text: `this coordinator leads run ${runId}, not ${run}` };
      return await Promise.race([carryOut(command, loop, locals), tooLate(command)]);
    } catch (thrown) {
      return { ok: false, text: toLockstepError(thrown).line };
    }
  };
  server.onEvent((event) => {
    if (event.type !== 'message' || pending >= PENDING_MAX) return;
    pending += 1;
    void answer(event.frames).then((reply) => {
      pending -= 1;
      carriedOut();
      server.send(event.peer, encodeControlReply(reply));
    });
  });
  return {
    endpoint: server.endpoint,
    onCarriedOut: (listener) => (carriedOut = listener),
    close: () => server.close(LIMITS.lingerMs),
  };
}

async function carryOut(command: ControlCommand, loop: CoordinatorLoop, locals: LocalPeers): Promise<CommandReply> {
  switch (command.type) {
    case 'scale':
      return locals.scale(command.workers);
    case 'reshard':
      return loop.command(command);
    case 'drain':
      return drain(command.worker, loop, locals);
  }
}

/** A worker by its number as `lockstep status` shows it, or by its name. */
async function drain(wanted: string, loop: CoordinatorLoop, locals: LocalPeers): Promise<CommandReply> {
  const workers = [...loop.state.workers.values()];
  const worker = workers.find(({ slot, name }) => String(slot) === wanted || name === wanted);
  if (worker === undefined) {
    const there = workers.map(({ slot, name }) => `${slot} (${name})`).join(', ');
    return { ok: false, text: `there is no worker ${wanted}; there are: ${there === '' ? 'none' : there}` };
  }
  locals.retire(worker.peer);
  return loop.command({ type: 'drain', slot: worker.slot });
}

async function tooLate({ type }: ControlCommand): Promise<CommandReply> {
  const seconds = LIMITS.commandDeadlineMs / 1000;
  await delay(LIMITS.commandDeadlineMs, undefined, { ref: false });
  return { ok: false, text: `${type} was not carried out within ${seconds} seconds; it may still be` };
}
