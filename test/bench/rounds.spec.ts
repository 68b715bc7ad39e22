import { describe, expect, it } from 'vitest';
import type { Entry } from './rounds.js';
import { compete, interleave } from './rounds.js';

const silent = (): void => undefined;

/** A contestant written here: a Node program that speaks the protocol. */
function program(name: string, text: string): Entry {
  return { plan: { name, command: [process.execPath, '--input-type=module', '-e', text], env: {} } };
}

const counting = `
  import { createInterface } from 'node:readline';
  console.log('a library says hello');
  console.log(JSON.stringify({ ready: { version: 'v1', losses: [4.2], facts: { threads: 2 } } }));
  let round = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify({ value: (round += 1) }));
  }
`;

describe('rounds', () => {
  it('let everyone measure once each, beginning with another one every round', async () => {
    const order: string[] = [];
    const turn = (name: string) => ({ round: () => Promise.resolve(order.push(name)) });
    const values = await interleave([turn('a'), turn('b'), turn('c')], 3);
    expect(order.join('')).toBe('abcbcacab');
    expect(values).toEqual([
      [1, 6, 8],
      [2, 4, 9],
      [3, 5, 7],
    ]);
  });

  it('measure child processes that live through all of them', async () => {
    const [one] = await compete([program('counting', counting)], 4, silent);
    expect(one).toEqual({
      row: { contestant: 'counting', version: 'v1', values: [1, 2, 3, 4], missing: null, facts: { threads: 2 } },
      losses: [4.2],
    });
  });

  it('go on without a contestant that does not start, and say why', async () => {
    const measured = await compete(
      [
        program('broken', "throw new Error('no such library')"),
        { plan: { name: 'absent', command: ['/no/such/program'], env: {} } },
        { name: 'left out', missing: 'no compiler' },
        program('counting', counting),
      ],
      2,
      silent,
    );
    expect(measured.map(({ row }) => [row.contestant, row.values.length])).toEqual([
      ['broken', 0],
      ['absent', 0],
      ['left out', 0],
      ['counting', 2],
    ]);
    expect(measured[0].row.missing).toContain('Error: no such library');
    expect(measured[1].row.missing).toContain('ENOENT');
    expect(measured[2].row.missing).toBe('no compiler');
  });

  it('stop when one ends in the middle, for the others would have been alone', async () => {
    const fleeting =
      "console.log(JSON.stringify({ ready: { version: '' } })); process.stdin.once('data', () => process.exit());";
    await expect(compete([program('fleeting', fleeting)], 2, silent)).rejects.toThrow('fleeting has ended');
  });
});
