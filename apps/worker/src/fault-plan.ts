/**
 * The language of `LOCKSTEP_FAULTS`: faults separated by commas, each `POINT[:CONDITION...]:ACTION`, for example
 * `W6:step=7:kill` or `C3:step=2:times=2:kill,W7:worker=1:step=4:nan`. Pure: what is asked for, and whether it fits.
 */
import { LockstepError } from '@lockstep/config';

const PROCESS_ACTIONS = ['kill', 'stop', 'term', 'exit', 'throw', 'hang'] as const;
const VALUE_ACTIONS = ['nan', 'flip', 'wrong'] as const;

type ProcessAction = (typeof PROCESS_ACTIONS)[number];
type ValueAction = (typeof VALUE_ACTIONS)[number];

/** Points of a worker and of the coordinator; `fault-points.ts` says where each lies. */
const WORKER_POINTS = [
  'W0',
  'W1',
  'W2',
  'W3',
  'W4',
  'W5',
  'W6',
  'W7',
  'W8',
  'W9',
  'W10',
  'W11',
  'W12',
  'W13',
  'W14',
  'applied',
];
const COORDINATOR_POINTS = ['C0', 'C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7', 'C8', 'C9'];
/** Where the values of a vector are at hand. */
const VALUE_POINTS = ['W7', 'applied'];

export interface Fault {
  readonly point: string;
  readonly action: ProcessAction | ValueAction;
  /** Exit code of `exit`, milliseconds of `hang`; otherwise 0. */
  readonly amount: number;
  readonly step: number | undefined;
  /** First step at which it may strike. */
  readonly from: number | undefined;
  readonly shard: number | undefined;
  /** Slot of a local worker, or the name a process was given. */
  readonly worker: string | undefined;
  /** How often it strikes, all processes of the run taken together. */
  readonly times: number;
}

/** What a process says when it passes a point. */
export interface Passing {
  readonly point: string;
  readonly step: number | undefined;
  readonly shard: number | undefined;
  readonly worker: string;
  readonly hasValues: boolean;
}

const isOneOf = <T extends string>(names: readonly T[], name: string): name is T =>
  (names as readonly string[]).includes(name);

export const changesValues = (action: Fault['action']): action is ValueAction => isOneOf(VALUE_ACTIONS, action);

/** @throws LockstepError `usage` naming the part that does not read */
export function parseFaults(text: string): readonly Fault[] {
  return text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => parseFault(part.trim()));
}

function parseFault(text: string): Fault {
  const [point = '', ...rest] = text.split(':');
  const refuse = (what: string): LockstepError =>
    new LockstepError(
      'usage',
      `LOCKSTEP_FAULTS: ${text}: ${what}`,
      'write POINT[:step=N][:from=N][:shard=N][:worker=N][:times=N]:ACTION',
    );
  if (![...WORKER_POINTS, ...COORDINATOR_POINTS].includes(point)) throw refuse(`there is no point ${point}`);
  const whole = (value: string): number => {
    if (!/^\d{1,9}$/.test(value)) throw refuse(`${value} is not a whole number`);
    return Number(value);
  };
  const [action = '', amount] = (rest.pop() ?? '').split('=');
  if (!isOneOf(PROCESS_ACTIONS, action) && !isOneOf(VALUE_ACTIONS, action))
    throw refuse(`there is no action ${action}`);
  const takesAmount = action === 'exit' || action === 'hang';
  if (takesAmount !== (amount !== undefined)) throw refuse(`${action} ${takesAmount ? 'needs' : 'takes no'} =NUMBER`);
  if (changesValues(action) && !VALUE_POINTS.includes(point)) throw refuse(`there are no values at ${point}`);
  const conditions = new Map(
    rest.map((condition) => {
      const [name = '', value = '', ...more] = condition.split('=');
      if (!isOneOf(['step', 'from', 'shard', 'worker', 'times'], name) || value === '' || more.length > 0) {
        throw refuse(`there is no condition ${condition}`);
      }
      return [name, value] as const;
    }),
  );
  if (conditions.size < rest.length) throw refuse('a condition is given twice');
  const number = (name: 'step' | 'from' | 'shard' | 'times'): number | undefined => {
    const value = conditions.get(name);
    return value === undefined ? undefined : whole(value);
  };
  return {
    point,
    action,
    amount: amount === undefined ? 0 : whole(amount),
    step: number('step'),
    from: number('from'),
    shard: number('shard'),
    worker: conditions.get('worker'),
    times: number('times') ?? 1,
  };
}

/** Whether a fault wants to strike here; how often it has struck is not asked. */
export function fits(fault: Fault, passing: Passing): boolean {
  const agrees = <T>(wanted: T | undefined, actual: T | undefined): boolean =>
    wanted === undefined || wanted === actual;
  return (
    fault.point === passing.point &&
    agrees(fault.step, passing.step) &&
    (fault.from === undefined || (passing.step !== undefined && passing.step >= fault.from)) &&
    agrees(fault.shard, passing.shard) &&
    agrees(fault.worker, passing.worker) &&
    (passing.hasValues || !changesValues(fault.action))
  );
}
