/** Does to a cluster what a fault says, and makes it whole again. */
import type { Cluster, Place } from './cluster.js';
import type { Fault } from './options.js';
import type { WorkerLife } from './worker-life.js';

/** Bits of the toy's weights. */
const WEIGHTS_BITS = 192;

/** Does one fault; counted only when there was something to hit. */
export function inject(cluster: Cluster, fault: Fault): void {
  if (cluster.outcome !== undefined || cluster.isHealed) return;
  cluster.trace?.add('FAULT', JSON.stringify(fault));
  if (apply(cluster, fault)) cluster.tally.count(fault.kind);
}

/** @returns whether it hit; of a fault that waits for its moment, not yet */
function apply(cluster: Cluster, fault: Fault): boolean {
  switch (fault.kind) {
    case 'kill all workers':
      return cluster.places.map((place) => cluster.killWorker(place)).some((wasThere) => wasThere);
    case 'kill coordinator':
      return cluster.killCoordinator();
    case 'kill coordinator at action':
      cluster.deadlyAction = fault.nth;
      return false;
    case 'power cut': {
      const wasThere = cluster.killCoordinator();
      cluster.disk.cutPower();
      return wasThere;
    }
    case 'pause coordinator':
      return pauseCoordinator(cluster, fault.forMs);
    case 'usurp coordinator':
      return cluster.usurpCoordinator(fault.forMs);
    case 'disk full':
      cluster.disk.isFull = true;
      cluster.clock.after(fault.forMs, () => (cluster.disk.isFull = false));
      return true;
    case 'reshard': {
      const loop = cluster.coordinator?.loop;
      cluster.coordinator?.process.enter(() => void loop?.command({ type: 'reshard', shards: fault.shards }));
      return loop !== undefined;
    }
    case 'join':
      cluster.addWorker(false);
      return true;
    case 'stop':
      cluster.coordinator?.requestStop();
      return cluster.coordinator !== undefined;
    default:
      return applyToWorker(cluster, cluster.places[fault.worker], fault);
  }
}

type WorkerFault = Extract<Fault, { worker: number }>;

function applyToWorker(cluster: Cluster, place: Place, fault: WorkerFault): boolean {
  const { life } = place;
  if (life === undefined) return false;
  switch (fault.kind) {
    case 'kill worker':
      return cluster.killWorker(place);
    case 'kill worker in task':
      place.deadly = { task: fault.task, left: fault.nth };
      return false;
    case 'slow worker':
      place.delayMs = fault.delayMs;
      cluster.clock.after(fault.forMs, () => (place.delayMs = 0));
      return true;
    case 'not a number':
      life.compute.lie = fault.kind;
      return true;
    case 'wrong gradient':
      cluster.makeLiar(life.compute);
      return true;
    case 'corrupt weights':
      return corruptWeights(cluster, life);
    case 'engine fails':
      life.compute.failsNext = true;
      return true;
    case 'leave':
      life.requestLeave();
      return true;
    case 'drain': {
      const loop = cluster.coordinator?.loop;
      cluster.coordinator?.process.enter(() => void loop?.command({ type: 'drain', slot: fault.worker }));
      return loop !== undefined;
    }
    default:
      return cutOff(cluster, life, fault);
  }
}

/** Only of a replica that others have too, and that all have agreed on: of any other nobody knows what is right. */
function corruptWeights({ coordinator, clock, places }: Cluster, { compute, peer }: WorkerLife): boolean {
  const state = coordinator?.loop?.state;
  const step = compute.replicaStep;
  if (state === undefined || step === undefined || !state.agreed.has(step)) return false;
  const others = places.filter(
    ({ life }) => life !== undefined && life.peer !== peer && life.compute.replicaStep === step,
  );
  if (others.length < 2) return false;
  return compute.corrupt(Math.floor(clock.now()) % WEIGHTS_BITS);
}

type CutOff = Extract<
  WorkerFault,
  { kind: 'pause worker' | 'partition' | 'clog to server' | 'clog to client' | 'break connection' }
>;

function cutOff({ network, clock }: Cluster, { peer, process }: WorkerLife, fault: CutOff): boolean {
  switch (fault.kind) {
    case 'break connection':
      network.breakConnection(peer);
      return true;
    case 'partition':
      network.isolate(peer);
      clock.after(fault.forMs, () => network.heal(peer));
      return true;
    case 'clog to server':
    case 'clog to client': {
      const direction = fault.kind === 'clog to server' ? 'to server' : 'to client';
      network.clog(peer, direction);
      clock.after(fault.forMs, () => network.unclog(peer, direction));
      return true;
    }
    case 'pause worker':
      // What is sent to it stays in the queue of its sender, whose bound it may reach.
      network.clog(peer, 'to client');
      process.pause();
      clock.after(fault.forMs, () => {
        process.resume();
        network.unclog(peer, 'to client');
      });
      return true;
  }
}

function pauseCoordinator(cluster: Cluster, forMs: number): boolean {
  const process = cluster.coordinator?.process;
  process?.pause();
  cluster.clock.after(forMs, () => process?.resume());
  return process !== undefined;
}

/** Ends every fault: the network carries, the disk takes, everybody is there. */
export function heal(cluster: Cluster): void {
  const { network, options, disk, coordinator, places } = cluster;
  cluster.trace?.add('FAULT', 'all healed');
  cluster.isHealed = true;
  cluster.deadlyAction = undefined;
  network.setFaults(options.network.delayMs === undefined ? {} : { delayMs: options.network.delayMs });
  disk.isFull = false;
  coordinator?.process.resume();
  for (const place of places) healWorker(cluster, place);
  cluster.clock.after(0, () => cluster.startCoordinator());
}

function healWorker(cluster: Cluster, place: Place): void {
  const { life } = place;
  place.deadly = undefined;
  place.delayMs = 0;
  if (life === undefined) {
    cluster.startWorker(place);
    return;
  }
  life.compute.lie = undefined;
  life.compute.failsNext = false;
  life.process.resume();
  for (const direction of ['to client', 'to server'] as const) cluster.network.unclog(life.peer, direction);
  cluster.network.heal(life.peer);
}
