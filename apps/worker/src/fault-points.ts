/**
 * Faults on demand, for tests only: a process that finds `LOCKSTEP_FAULTS` in its environment kills, stops or
 * corrupts itself at a named point. Without the variable there is nothing here but one comparison with `undefined`.
 *
 *   LOCKSTEP_FAULTS=W6:step=7:kill            one fault, or several with commas; language in fault-plan.ts
 *   LOCKSTEP_FAULTS_LOG=FILE                  needed: every strike adds a line, and FILE.INDEX.COUNT marks it as
 *                                             spent, so that a restarted process is not struck again
 *
 * Steps count from 0, as in the protocol. Each strike is claimed (atomically, by one process), written to the log,
 * then done, in this order.
 *
 *   point    where it lies                                                              step  shard  thread
 *   W0       before the first attempt to connect                                                     main
 *   W1       the transport says `connected`, before hello                                            main
 *   W2       hello is handed to the transport                                                        main
 *   W3       the first part of a replica has come, before it is loaded                  x            main
 *   W4       `ready` is handed to the transport; nothing to do yet                      x            main
 *   W5       a task (assign) has come, before it goes to the compute thread             x     x      main
 *   W6       the task begins, before the forward pass                                   x     x      compute
 *   W7       the gradient is computed, before it leaves the compute thread: forward pass x    x      compute
 *            and BPTT are one call, and this is the latest point in it. Values: the gradient
 *   W8       the gradient is handed to the transport, same turn: some, all or none of   x     x      main
 *            it is on the wire, for ZeroMQ writes in a thread of its own
 *   W9       the next event of any kind after that, before it is handled                x            main
 *   W10      an update has come, before it is applied                                   x            main
 *   applied  the update has been applied. Values: the weights                           x            compute
 *   W11      a snapshot is asked for, before it is taken                                x            main
 *   W12      leaving was asked for (SIGTERM), before the coordinator is told                         main
 *   W13      an exchange has begun, its first pieces are handed to the transport        x            main
 *   W14      the mean gradient is whole, and the coordinator told so                    x            main
 *   C0       before the address is bound                                                             main
 *   C1       bound, waiting for the first worker                                                     main
 *   C2       the first shard of a step is handed to the transport, others not yet       x            main
 *   C3       the first gradient of a step has come                                      x     x      main
 *   C4       the step is reduced, nothing is sent or journalled yet                     x            main
 *   C5       the journal line of the step is on the disk, the next step is not dispatched x          main
 *   C6       the files of a checkpoint are being written                                x            main
 *   C7       the checkpoint is renamed, its folder is not yet synced                    x            main
 *   C8       the run is done, workers are being told                                                 main
 *   C9       an exchange is told to the first of its members, others not yet            x            main
 */
import { LockstepError } from '@lockstep/config';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { changesValues, fits, parseFaults } from './fault-plan.js';
import type { Fault, Passing } from './fault-plan.js';

/**
 * Called where a fault may strike.
 * @param values what the point has at hand; changed in place by a fault that corrupts
 */
export type FaultPoint = (
  point: string,
  about: { readonly step?: number; readonly shard?: number },
  values?: Float32Array,
) => void;

/** A signal to oneself acts at once or a little later, and nothing must happen in between. */
const SIGNAL_ACTS_MS = 100;
/** One bit of one value near the middle: its sign and exponent stay as they are. */
const FLIPPED_BIT = 1 << 20;
const WRONG_FACTOR = 1.5;

/**
 * The fault points of this process; undefined where none are asked for, which is always so outside tests.
 * @param worker slot of a local worker or another name, for `worker=`
 * @throws LockstepError `usage` when the variables do not read
 */
export function openFaultPoints(
  environment: Readonly<Record<string, string | undefined>>,
  worker: string,
): FaultPoint | undefined {
  const text = environment['LOCKSTEP_FAULTS'];
  if (text === undefined || text === '') return undefined;
  const log = environment['LOCKSTEP_FAULTS_LOG'];
  if (log === undefined || log === '') {
    throw new LockstepError('usage', 'LOCKSTEP_FAULTS without a log', 'set LOCKSTEP_FAULTS_LOG to a file');
  }
  const faults = parseFaults(text);
  return (point, { step, shard }, values) => {
    const passing: Passing = { point, step, shard, worker, hasValues: values !== undefined };
    faults.forEach((fault, index) => {
      if (!fits(fault, passing) || !claim(`${log}.${index}`, fault.times)) return;
      appendFileSync(log, logLine(fault, index, passing));
      strike(fault, values);
    });
  };
}

/** Takes one of the strikes that are left; whoever makes the file has it. */
function claim(path: string, times: number): boolean {
  for (let count = 0; count < times; count += 1) {
    try {
      closeSync(openSync(`${path}.${count}`, 'wx'));
      return true;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
  return false;
}

function logLine({ action }: Fault, index: number, { point, step, shard, worker }: Passing): string {
  const facts = { step, shard, worker, fault: index, pid: process.pid, at: Date.now(), action };
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return `${[point, ...known.map(([name, value]) => `${name}=${value}`)].join(' ')}\n`;
}

function strike(fault: Fault, values: Float32Array | undefined): void {
  if (changesValues(fault.action)) {
    if (values !== undefined) corrupt(fault.action, values);
    return;
  }
  switch (fault.action) {
    case 'kill':
      return signalSelf('SIGKILL');
    case 'stop':
      return signalSelf('SIGSTOP');
    case 'term':
      process.kill(process.pid, 'SIGTERM');
      return;
    case 'exit':
      // In the compute thread this ends the thread only, as any exit there does.
      return process.exit(fault.amount);
    case 'throw':
      throw new LockstepError('internal', `a fault was asked for at ${fault.point}`, 'unset LOCKSTEP_FAULTS');
    case 'hang':
      return block(fault.amount);
  }
}

function signalSelf(signal: NodeJS.Signals): void {
  process.kill(process.pid, signal);
  block(SIGNAL_ACTS_MS);
}

/** Blocks this thread, as a long computation would. */
function block(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, durationMs);
}

function corrupt(action: 'nan' | 'flip' | 'wrong', values: Float32Array): void {
  const middle = values.length >>> 1;
  switch (action) {
    case 'nan':
      values[middle] = NaN;
      return;
    case 'flip': {
      const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
      bits[middle] = (bits[middle] ?? 0) ^ FLIPPED_BIT;
      return;
    }
    case 'wrong':
      for (const [index, value] of values.entries()) values[index] = value * WRONG_FACTOR;
      return;
  }
}
