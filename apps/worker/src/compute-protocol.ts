/**
 * What the main thread and the compute thread of a worker say to each other. Errors travel as data: classes do not
 * survive the trip.
 */
import { LockstepError, toLockstepError } from '@lockstep/config';
import type { ErrorKind } from '@lockstep/config';
import type { DeviceRequest } from '@lockstep/engine';
import type { ComputeResult, ComputeTask } from '@lockstep/protocol';
import type { MemoryReference } from '@lockstep/transport';

export interface ComputeThreadData {
  readonly device: DeviceRequest;
  /** Name of the worker, for faults that a test asks for. */
  readonly worker: string;
}

export interface ComputeRequest {
  readonly id: number;
  readonly task: ComputeTask;
  /** Of a task without a payload: where it lies. Of a gradient: where it may be written. */
  readonly memory: MemoryReference | null;
}

export interface PortableError {
  readonly kind: ErrorKind;
  readonly what: string;
  readonly hint: string;
  readonly stack: string;
}

export type ComputeReply =
  /** `inMemory`: the payload has been written to the memory of the request. */
  | { readonly id: number; readonly result: ComputeResult; readonly inMemory: boolean }
  | { readonly id: number; readonly error: PortableError };

export function toPortable(thrown: unknown): PortableError {
  const { kind, message, hint, stack, cause } = toLockstepError(thrown);
  const origin = cause instanceof Error ? cause.stack : stack;
  return { kind, what: message, hint, stack: origin ?? '' };
}

export function fromPortable({ kind, what, hint, stack }: PortableError): LockstepError {
  const error = new LockstepError(kind, what, hint);
  error.stack = stack;
  return error;
}

/** Buffers of a result that move to the other thread instead of being copied. */
export function transferables(result: ComputeResult): ArrayBuffer[] {
  return 'payload' in result && result.payload.buffer instanceof ArrayBuffer ? [result.payload.buffer] : [];
}
