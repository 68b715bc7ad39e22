/** The last events of a simulation in words, kept only while a failing seed is played again. */
import type { ClientTransport, Clock, Frames, ServerTransport } from '@lockstep/runtime';

const LINES_KEPT = 20_000;

export class Trace {
  readonly #clock: Clock;
  #lines: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(who: string, what: string): void {
    this.#lines.push(`${(this.#clock.now() / 1000).toFixed(4).padStart(9)} ${who}: ${what}`);
    if (this.#lines.length > 2 * LINES_KEPT) this.#lines = this.#lines.slice(-LINES_KEPT);
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }
}

/** Every field that tells messages of one kind apart, and no other. */
const SHOWN = ['step', 'shard', 'attempt', 'digest', 'replica', 'part', 'reason', 'term', 'membership', 'detail'];

function describe(frames: Frames): string {
  const text = new TextDecoder().decode(frames[0]);
  try {
    const { stamp, message } = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as {
      stamp: { conversation: number; sequence: number };
      message: Record<string, unknown>;
    };
    const fields = SHOWN.filter((name) => name in message).map((name) => `${name}=${JSON.stringify(message[name])}`);
    return `${stamp.conversation}.${stamp.sequence} ${String(message['type'])} ${fields.join(' ')}`;
  } catch {
    return 'something unreadable';
  }
}

/** Notes what goes out through a transport and comes in by it. */
export function spy<T extends ClientTransport | ServerTransport>(trace: Trace | undefined, who: string, inner: T): T {
  if (trace === undefined) return inner;
  const told = (event: { type: string; peer?: string; reason?: string; frames?: Frames }): void => {
    const what = event.frames === undefined ? `${event.type} ${event.reason ?? ''}` : describe(event.frames);
    trace.add(who, `<- ${event.peer ?? ''} ${what}`);
  };
  if ('drop' in inner) {
    return {
      ...inner,
      send: (peer: string, frames: Frames) => {
        trace.add(who, `-> ${peer} ${describe(frames)}`);
        inner.send(peer, frames);
      },
      drop: (peer: string) => {
        trace.add(who, `drops ${peer}`);
        inner.drop(peer);
      },
      onEvent: (handler: Parameters<ServerTransport['onEvent']>[0]) =>
        inner.onEvent((event) => {
          told(event);
          handler(event);
        }),
    };
  }
  return {
    ...inner,
    send: (frames: Frames) => {
      trace.add(who, `-> ${describe(frames)}`);
      inner.send(frames);
    },
    onEvent: (handler: Parameters<ClientTransport['onEvent']>[0]) =>
      inner.onEvent((event) => {
        told(event);
        handler(event);
      }),
  };
}
