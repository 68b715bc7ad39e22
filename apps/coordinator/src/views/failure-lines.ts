/** The end of a run that fails: who failed first and what it said, and in one line each what the others said. */
import type { NamedWorker, RunEvent } from '../train/events.js';
import { quote } from '../train/quote.js';
import { printable } from './printable.js';

/** Of a stack: the frames beyond are those of the runtime. */
const STACK_LINES_MAX = 30;

export function failureLines(event: Extract<RunEvent, { event: 'failure' }>): readonly string[] {
  const { name, host, pid, at, what, log, times, same, others, runDirectory } = event;
  const again = times === 1 ? '' : `, ${times} times`;
  const who = `${workersInWords([event])} (${name}, pid ${pid} on ${host})`;
  const stack = event.stack.split('\n').filter((line) => line.trim() !== '');
  return [
    `first to fail: ${printable(who)} at ${at.slice(11)}${again}: ${printable(what)}`,
    ...stack.slice(0, STACK_LINES_MAX).map((line) => `    ${printable(line)}`),
    ...(log.length === 0 ? [] : ['its log ended with:', ...log.map((line) => `    ${printable(line)}`)]),
    ...(same.length === 0 ? [] : [`${workersInWords(same)} said the same`]),
    ...others.map(({ workers, what: other }) => `${workersInWords(workers)}: ${printable(other)}`),
    `all of it: lockstep logs --run ${quote(runDirectory)}`,
  ];
}

/** `worker 3`, `workers 1-3, 5`, `workers 1, local-7`: numbers where there are any, else names. */
function workersInWords(workers: readonly NamedWorker[]): string {
  const numbers = workers.flatMap(({ worker }) => (worker === null ? [] : [worker])).sort((a, b) => a - b);
  const names = workers.filter(({ worker }) => worker === null).map(({ name }) => printable(name));
  return `worker${workers.length === 1 ? '' : 's'} ${[...ranges(numbers), ...names].join(', ')}`;
}

function ranges(numbers: readonly number[]): readonly string[] {
  const found: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const open = found.at(-1);
    if (open !== undefined && number <= open.last + 1) open.last = number;
    else found.push({ first: number, last: number });
  }
  return found.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`));
}
