/**
 * What processes.spec.ts runs as a process of its own: `node child.mjs SCENE ENDPOINT`. Every scene ends by running out
 * of work, not by calling exit, unless it says so; what it has to say are lines on standard output.
 */
import { once } from 'node:events';

const MAX_FRAME_BYTES = 17 * 1024 * 1024;
const PEER_ID = `child-${process.pid}`;
const [, , scene = '', endpoint = ''] = process.argv;

/** @param {string} line */
const say = (line) => void process.stdout.write(`${line}\n`);

/** Loaded when a scene needs it: one must not. */
const zeromq = () => import('@lockstep/transport');

const settings = { peerId: PEER_ID, maxFrameBytes: MAX_FRAME_BYTES };

const connect = async () => (await zeromq()).connectZeroMQClient({ endpoint, ...settings });

/** @type {Record<string, () => Promise<void>>} */
const scenes = {
  /** Sends and closes at once, with all of it still queued. */
  async 'send and close'() {
    const client = await connect();
    for (let index = 0; index < 50; index += 1) client.send([Uint8Array.of(index), new Uint8Array(1024 * 1024)]);
    await client.close(30_000);
  },

  /** Nobody is at the endpoint. */
  async 'close unconnected'() {
    const client = await connect();
    client.onEvent((event) => say(event.type));
    client.send([Uint8Array.of(1)]);
    await client.close(100);
  },

  /** Leaves without closing, with more queued than a pipe takes. */
  async 'exit without close'() {
    const client = await connect();
    for (let index = 0; index < 100; index += 1) client.send([Uint8Array.of(index), new Uint8Array(1024 * 1024)]);
    process.stdin.resume();
    await once(process.stdin, 'data');
    process.exit(7);
  },

  /** Both ends in one process. */
  async 'serve and close'() {
    const { bindZeroMQServer, connectZeroMQClient } = await zeromq();
    const server = await bindZeroMQServer({ endpoint: 'tcp://127.0.0.1:0', maxFrameBytes: MAX_FRAME_BYTES });
    const client = await connectZeroMQClient({ endpoint: server.endpoint, ...settings });
    const answered = new Promise((resolve) => {
      client.onEvent((event) => event.type === 'message' && resolve(undefined));
    });
    server.onEvent((event) => event.type === 'message' && server.send(event.peer, event.frames));
    client.send([Uint8Array.of(1)]);
    await answered;
    await Promise.all([server.close(1000), client.close(1000)]);
  },

  /** Greets at every new connection, and stays. */
  async stay() {
    const client = await connect();
    client.onEvent((event) => {
      say(event.type);
      if (event.type === 'connected') client.send([Buffer.from('hello')]);
    });
  },

  /** Loads the in-memory network alone and names the native modules of ZeroMQ in this process. */
  async 'memory only'() {
    await import('@lockstep/transport/memory');
    /** @type {{ sharedObjects: string[] }} */
    const report = JSON.parse(JSON.stringify(process.report.getReport()));
    for (const path of report.sharedObjects) if (path.includes('zeromq')) say(path);
  },
};

await scenes[scene]?.();
say('over');
