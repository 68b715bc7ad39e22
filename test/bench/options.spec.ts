import { describe, expect, it } from 'vitest';
import { readOptions } from './options.js';

describe('the options of the benchmark', () => {
  it('are all peers, seven rounds and the suites that need no corpus, unless told', () => {
    expect(readOptions([])).toEqual({
      suites: ['step', 'workers', 'allreduce', 'path', 'scale'],
      peers: ['torch', 'keras', 'onednn', 'gloo', 'openmpi'],
      rounds: 7,
      quick: false,
      write: false,
      out: '',
      text: undefined,
    });
  });

  it('name suites and peers', () => {
    const options = readOptions(['--suite', 'allreduce,step', '--peers', 'gloo', '--rounds', '9', '--write']);
    expect(options).toMatchObject({ suites: ['allreduce', 'step'], peers: ['gloo'], rounds: 9, write: true });
    expect(readOptions(['--peers', 'none', '--suite', 'none'])).toMatchObject({ suites: [], peers: [] });
  });

  it.each([
    [['--suite', 'steps'], '--suite steps is not one of step,'],
    [['--peers', 'torch,jax'], '--peers jax is not one of torch,'],
    [['--rounds', '0'], '--rounds 0 is no whole number of 1 or more'],
    [['--rounds', '2.5'], '--rounds 2.5 is no whole number'],
    [['--suite', 'quality'], '--suite quality needs a corpus: --text FILE'],
    [['--fast'], "Unknown option '--fast'"],
  ])('refuse %j', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
