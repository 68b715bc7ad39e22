/** What the suite needs from a kind of transport, and logs of events that can be waited for. */
import type { ClientEvent, ClientTransport, Frames, PeerId, ServerEvent, ServerTransport } from '@lockstep/runtime';

export interface EndOptions {
  readonly maxFrameBytes?: number;
  readonly sendQueue?: { readonly messagesMax?: number; readonly bytesMax?: number };
}

/** One kind of transport, made by the shell under test. */
export interface TransportKind {
  readonly name: string;
  /** An endpoint that nobody is bound to yet. */
  reserve(): Promise<string>;
  /** Binds a free endpoint unless one is given. */
  bind(options: EndOptions & { readonly endpoint?: string }): Promise<ServerTransport>;
  connect(options: EndOptions & { readonly endpoint: string; readonly peerId: PeerId }): Promise<ClientTransport>;
}

export const MAX_FRAME_BYTES = 17 * 1024 * 1024;

/** Longer than anything takes on a busy machine; only a failing test waits for it. */
const WAIT_MS = 30_000;

/** Everything one end has reported, in order. */
class Log<E> {
  readonly events: E[] = [];
  #waiting: (() => void)[] = [];
  /** What to do at each event, after it was recorded. */
  onEach: (event: E) => void = () => undefined;

  readonly handler = (event: E): void => {
    this.events.push(event);
    this.onEach(event);
    for (const check of [...this.#waiting]) check();
  };

  /** Resolves when the events fulfil `condition`; fails naming `what` and the last events when that takes too long. */
  until(what: string, condition: (events: readonly E[]) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((its) => its !== check);
      };
      const check = (): void => {
        if (!condition(this.events)) return;
        finish();
        resolve();
      };
      const timer = setTimeout(() => {
        finish();
        const last = JSON.stringify(this.events.slice(-5), (key, value: unknown) => (key === 'frames' ? '...' : value));
        reject(new Error(`waited ${WAIT_MS} ms for ${what}; ${this.events.length} events, the last: ${last}`));
      }, WAIT_MS);
      this.#waiting.push(check);
      check();
    });
  }
}

type ServerLog = Log<ServerEvent>;
type ClientLog = Log<ClientEvent>;

/** Opens ends of one kind with their logs, and closes what a test has left open. */
export class Bench {
  readonly #kind: TransportKind;
  readonly #open: (ServerTransport | ClientTransport)[] = [];
  #peerIndex = 0;

  constructor(kind: TransportKind) {
    this.#kind = kind;
  }

  reserve(): Promise<string> {
    return this.#kind.reserve();
  }

  async server(
    options: EndOptions & { readonly endpoint?: string } = {},
  ): Promise<{ server: ServerTransport; log: ServerLog }> {
    const server = await this.#kind.bind(options);
    this.#open.push(server);
    const log: ServerLog = new Log();
    server.onEvent(log.handler);
    return { server, log };
  }

  /** A client that does not read until its log's handler is given to `onEvent`. */
  async deafClient(
    endpoint: string,
    options: EndOptions & { readonly peerId?: PeerId } = {},
  ): Promise<{ client: ClientTransport; log: ClientLog; peer: PeerId }> {
    const peer = options.peerId ?? `worker-${(this.#peerIndex += 1)}`;
    const client = await this.#kind.connect({ ...options, endpoint, peerId: peer });
    this.#open.push(client);
    return { client, log: new Log(), peer };
  }

  async client(
    endpoint: string,
    options: EndOptions & { readonly peerId?: PeerId } = {},
  ): Promise<{ client: ClientTransport; log: ClientLog; peer: PeerId }> {
    const made = await this.deafClient(endpoint, options);
    made.client.onEvent(made.log.handler);
    return made;
  }

  async end(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((end) => end.close(0)));
  }
}

/** Frames of all messages in a log; of one peer where named. */
export function messages(log: { readonly events: readonly (ServerEvent | ClientEvent)[] }, peer?: PeerId): Frames[] {
  return log.events.flatMap((event) => {
    if (event.type !== 'message') return [];
    return peer === undefined || ('peer' in event && event.peer === peer) ? [event.frames] : [];
  });
}

/** A message that is one number. */
export function numbered(number: number): Frames {
  const frame = new Uint8Array(4);
  new DataView(frame.buffer).setUint32(0, number, true);
  return [frame];
}

export function numberOf(frames: Frames): number {
  const [frame] = frames;
  if (frame === undefined || frame.byteLength < 4) throw new Error('not a numbered message');
  return new DataView(frame.buffer, frame.byteOffset, 4).getUint32(0, true);
}

export function countUp(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Bytes without a short period, the same for the same seed. */
export function patterned(lengthBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let index = 0; index < lengthBytes; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Whether two messages have the same bytes, compared natively: `toEqual` takes minutes for 16 MB. */
export function sameBytes(left: Frames | undefined, right: Frames): boolean {
  if (left === undefined || left.length !== right.length) return false;
  return left.every((frame, index) => Buffer.compare(frame, right[index] ?? new Uint8Array(1)) === 0);
}
