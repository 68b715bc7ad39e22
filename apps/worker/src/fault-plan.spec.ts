import { describe, expect, it } from 'vitest';
import { fits, parseFaults } from './fault-plan.js';

const one = (text: string) => {
  const [fault, ...more] = parseFaults(text);
  if (fault === undefined || more.length > 0) throw new Error(`${text} is not one fault`);
  return fault;
};

describe('LOCKSTEP_FAULTS', () => {
  it('reads a point, conditions and an action', () => {
    expect(one('W6:step=7:kill')).toMatchObject({ point: 'W6', step: 7, action: 'kill', times: 1, worker: undefined });
    expect(one('W10:worker=1:shard=0:times=3:exit=70')).toMatchObject({
      ...{ worker: '1', shard: 0, times: 3, action: 'exit', amount: 70, step: undefined },
    });
    expect(one('C0:hang=250')).toMatchObject({ point: 'C0', action: 'hang', amount: 250 });
    expect(parseFaults('W7:nan, applied:step=2:flip ,').map(({ action }) => action)).toEqual(['nan', 'flip']);
    expect(parseFaults('')).toEqual([]);
  });

  it.each([
    ['W15:kill', 'no point W15'],
    ['kill', 'no point kill'],
    ['W6', 'no action'],
    ['W6:step=7', 'no action step'],
    ['W6:die', 'no action die'],
    ['W6:kill=9', 'kill takes no =NUMBER'],
    ['W6:exit', 'exit needs =NUMBER'],
    ['W6:exit=x', 'x is not a whole number'],
    ['W6:step=-1:kill', '-1 is not a whole number'],
    ['W6:step:kill', 'no condition step'],
    ['W6:phase=2:kill', 'no condition phase=2'],
    ['W6:step=1:step=2:kill', 'given twice'],
    ['W6:nan', 'no values at W6'],
  ])('refuses %s', (text, what) => {
    expect(() => parseFaults(text)).toThrow(what);
  });
});

describe('a fault', () => {
  const passing = { point: 'W7', step: 3, shard: 1, worker: '0', hasValues: false };

  it('fits its point, and only where every condition holds', () => {
    expect(fits(one('W7:kill'), passing)).toBe(true);
    expect(fits(one('W7:step=3:shard=1:worker=0:kill'), passing)).toBe(true);
    const others = ['W6:kill', 'W7:step=4:kill', 'W7:shard=0:kill', 'W7:worker=1:kill'];
    expect(others.filter((text) => fits(one(text), passing))).toEqual([]);
    expect(fits(one('W7:step=3:kill'), { ...passing, step: undefined })).toBe(false);
  });

  it('can wait for a step, and for a point that has one', () => {
    expect([2, 3, 4, undefined].map((step) => fits(one('W7:from=3:kill'), { ...passing, step }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('that changes values waits for a place where there are some', () => {
    expect(fits(one('W7:nan'), passing)).toBe(false);
    expect(fits(one('W7:nan'), { ...passing, hasValues: true })).toBe(true);
  });
});
