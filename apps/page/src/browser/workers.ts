/** The workers of now, and whom the others wait for. */
import type { PageStatus, WorkerStatus } from '../contract.js';
import { bytesText, countText, durationText, shareText } from '../words.js';
import { find, isSameAsBefore, make, row, setRows, setText } from './dom.js';

/** Columns that may not be known, by their place in the head. */
const OPTIONAL: readonly (readonly [keyof WorkerStatus, number])[] = [
  ['busyShare', 6],
  ['barrierWaitSeconds', 7],
  ['residentBytes', 8],
];

/** @param isOver whether nobody can be there any more */
export function showWorkers(status: PageStatus | null, isOver: boolean): void {
  const table = find('workers-table');
  table.hidden = isOver;
  const workers = status?.workers ?? [];
  if (isSameAsBefore(table, workers)) return;
  const most = Math.max(...workers.map((worker) => worker.barrierWaitSeconds ?? 0), 0);
  const rows = workers.map((worker) => workerRow(worker, most));
  const nobody = make('tr', {}, make('td', { colspan: '9', class: 'empty' }, 'no workers'));
  setRows(table, rows.length > 0 ? rows : [nobody]);
  for (const [name, column] of OPTIONAL) {
    const isKnown = workers.some((worker) => worker[name] !== null);
    for (const one of table.querySelectorAll('tr')) {
      const cell = one.children[column];
      if (cell instanceof HTMLElement) cell.hidden = !isKnown;
    }
  }
  setText(find('blame'), blameText(workers, status));
}

function workerRow(worker: WorkerStatus, mostWaited: number): HTMLTableRowElement {
  const { slot, name, host, state, step, secondsPerShard, barrierWaitSeconds, residentBytes, busyShare } = worker;
  const head = make('span', {}, String(slot));
  const stateCell = make('span', { class: `state state-${state}` }, state);
  const cells = [
    ...[name, host, stateCell, countText(step)],
    secondsPerShard === null ? '–' : durationText(secondsPerShard),
    busyShare === null ? '–' : shareText(busyShare),
    barrierWaitSeconds === null ? '–' : meter(barrierWaitSeconds, mostWaited),
    residentBytes === null ? '–' : bytesText(residentBytes),
  ];
  return row(head, ...cells);
}

function meter(seconds: number, most: number): HTMLElement {
  const bar = make('span', { class: 'meter', 'aria-hidden': 'true' });
  const filled = make('span', { class: 'filled' });
  filled.style.width = `${most === 0 ? 0 : (100 * seconds) / most}%`;
  bar.append(filled);
  return make('span', { class: 'metered' }, bar, make('span', {}, durationText(seconds)));
}

/** Who is waited for, in a sentence. */
function blameText(workers: readonly WorkerStatus[], status: PageStatus | null): string {
  const [slowest] = workers
    .filter(({ barrierWaitSeconds }) => (barrierWaitSeconds ?? 0) > 0)
    .sort((a, b) => (b.barrierWaitSeconds ?? 0) - (a.barrierWaitSeconds ?? 0));
  if (slowest === undefined || workers.length < 2) return '';
  const time = Object.values(status?.phases ?? {}).reduce((sum, one) => sum + one, 0);
  const waited = slowest.barrierWaitSeconds ?? 0;
  const share = time === 0 ? '' : `, ${shareText(waited / time)} of all step time`;
  return `The others waited longest for worker ${slowest.slot} (${slowest.name}): ${durationText(waited)}${share}.`;
}
