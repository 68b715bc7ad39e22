/** How a run stands at this moment, for its page: from the machine's own state, what is not measured left open. */
import type { PageStatus } from '@lockstep/page';
import type { CoordinatorState } from '@lockstep/protocol';
import { stateWord } from '../train/run-status.js';
import type { RunFigures } from './run-metrics.js';
import { printable } from '../views/printable.js';

/** @param secondsPerShard that each worker, by slot, computed on its last shard */
export function pageStatus(
  state: CoordinatorState,
  secondsPerShard: ReadonlyMap<number, number>,
  figures: RunFigures,
): PageStatus {
  const workers = [...state.workers.values()].sort((a, b) => a.slot - b.slot);
  return {
    state: stateWord(state),
    step: state.step,
    phases: figures.phaseSeconds,
    runSeconds: figures.runSeconds,
    workers: workers.map(({ slot, name, host, status, drainingSinceMs, replica }) => ({
      ...{ slot, name: printable(name), host: printable(host) },
      state: drainingSinceMs === null ? status : 'draining',
      step: status === 'ready' ? state.step : (replica?.step ?? 0),
      secondsPerShard: secondsPerShard.get(slot) ?? null,
      barrierWaitSeconds: figures.workers.get(slot)?.barrierWaitSeconds ?? null,
      residentBytes: figures.workers.get(slot)?.vitals?.residentBytes ?? null,
      busyShare: null,
    })),
  };
}
