/**
 * The all-reduce alone: a gradient of the tutorial's model, from every process to every process, on this machine.
 * Between processes by TCP over the loopback; where a contestant has another way on one host, that is a row of its own.
 */
import { join } from 'node:path';
import { ensureMpi } from '../peers/mpi.js';
import { messageOf, peerPlan, threadEnvironment } from '../peers/plans.js';
import type { Case } from '../results.js';
import { compete } from '../rounds.js';
import type { Entry } from '../rounds.js';
import type { StarJob } from '../star-job.js';
import type { Suite, SuiteContext } from '../suite.js';

/** Weights of the tutorial's model. */
export const TUTORIAL_VALUES = 4_022_850;
const WORKERS = [2, 4] as const;
const REPEATS = 5;

/** One way to sum a gradient over processes. `value` of its rounds is milliseconds of one all-reduce. */
export interface AllReducePeer {
  readonly name: string;
  /** @returns how it is started for so many processes, or why it cannot be had */
  start(workers: number, context: SuiteContext): Promise<Entry>;
}

/** Ways of lockstep, by the program that runs them; each is given a StarJob. */
const OWN = {
  'lockstep star tcp': { program: 'star', share: false },
  'lockstep mesh tcp': { program: 'mesh', share: false },
  'lockstep mesh shared memory': { program: 'mesh', share: true },
} as const;

/** What needs no download. */
export const localPeers = (): AllReducePeer[] => [...ownPeers, socketPeer];

const ownPeers: AllReducePeer[] = Object.entries(OWN).map(([name, { program, share }]) => ({
  name,
  start: (workers, { programs }) => Promise.resolve(nodeEntry(name, programs[program], workers, share)),
}));

/** Not a contestant but a yardstick: the bytes of a star, with nothing done to them. */
const socketPeer: AllReducePeer = {
  name: 'plain sockets, no sums',
  start: (workers, { programs }) => Promise.resolve(nodeEntry('plain sockets, no sums', programs.socket, workers)),
};

const glooPeer: AllReducePeer = {
  name: 'gloo',
  start: (workers, context) => {
    const job = { ...starJob(workers), meeting: join(context.scratch, `gloo-${workers}`) };
    return peerPlan('gloo', 'allreduce_gloo.py', [JSON.stringify(job)], context, 1);
  },
};

/** @param transports what Open MPI may use between processes */
const mpiPeer = (name: string, transports: string): AllReducePeer => ({
  name,
  async start(workers, { say }) {
    try {
      const { mpirun, python, program } = await ensureMpi('allreduce_mpi.py', say);
      const limits = ['--mca', 'btl', transports, '--mca', 'pml', 'ob1', '--mca', 'btl_tcp_if_include', 'lo'];
      const rights = ['--allow-run-as-root', '--map-by', ':OVERSUBSCRIBE', '--bind-to', 'none'];
      const args = [...rights, ...limits, '-n', String(workers), python, program, JSON.stringify(starJob(workers))];
      return { plan: { name, command: [mpirun, ...args], env: threadEnvironment(1) } };
    } catch (error) {
      return { name, missing: messageOf(error) };
    }
  },
});

export const allReduceSuite: Suite = {
  title: 'All-reduce of 4,022,850 float32 between processes of one machine',
  async run(context) {
    const peers = localPeers();
    if (context.peers.has('gloo')) peers.push(glooPeer);
    if (context.peers.has('openmpi')) {
      peers.push(mpiPeer('openmpi tcp', 'self,tcp'), mpiPeer('openmpi shared memory', 'self,sm'));
    }
    const cases: Case[] = [];
    for (const workers of WORKERS) cases.push(await allReduceCase(context, peers, workers));
    return { cases, checks: [] };
  },
};

/** One number of processes, all contestants. */
export async function allReduceCase(
  context: SuiteContext,
  peers: readonly AllReducePeer[],
  workers: number,
): Promise<Case> {
  const entries: Entry[] = [];
  for (const peer of peers) entries.push(await peer.start(workers, context));
  const rows = (await compete(entries, context.rounds, context.say)).map(({ row }) => row);
  const title = `${workers} processes, ${TUTORIAL_VALUES.toLocaleString('en')} float32 each`;
  return { name: `${workers} processes`, title, unit: 'ms', better: 'less', isRace: true, rows };
}

function nodeEntry(name: string, program: string, workers: number, share = false): Entry {
  const command = [process.execPath, program, JSON.stringify({ ...starJob(workers), share })] as const;
  return { plan: { name, command, env: threadEnvironment(1) } };
}

function starJob(workers: number): StarJob {
  return { role: 'coordinator', workers, values: TUTORIAL_VALUES, repeats: REPEATS, endpoint: '', worker: 0 };
}
