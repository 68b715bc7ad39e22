/**
 * The update of all weights of the tutorial's model by Adam, or a memory copy that moves as many bytes: an update
 * reads weights, gradient and two slots and writes three of them back, seven vectors in all, which three and a half
 * copies move. Argument: `adam` or `copy`.
 */
import { createOptimizer } from '@lockstep/optimizer';
import { milliseconds, serve } from './serve.js';

const LENGTH = 4_022_850;
const WARM_UP = 5;
const REPEATS = 10;

const vector = (): Float32Array => Float32Array.from({ length: LENGTH }, (_, index) => ((index % 97) - 48) / 1000);

function adamWork(): () => void {
  const optimizer = createOptimizer({ name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }, LENGTH);
  // Where a worker keeps them.
  const weights = optimizer.adopt(vector());
  const gradient = vector();
  return () => optimizer.apply(weights, gradient, 1e-3);
}

function copyWork(): () => void {
  const [a, b] = [vector(), vector()];
  const half = a.subarray(0, LENGTH / 2);
  const targets = [vector(), vector(), vector()];
  const last = new Float32Array(half.length);
  return () => {
    for (const [index, target] of targets.entries()) target.set(index % 2 === 0 ? a : b);
    last.set(half);
  };
}

const isAdam = process.argv[2] === 'adam';
const work = isAdam ? adamWork() : copyWork();
milliseconds(work, WARM_UP);
const megabytes = (7 * 4 * LENGTH) / 1e6;
const facts = { megabytes };
serve({ version: `Node ${process.version}`, losses: [], facts }, () => milliseconds(work, REPEATS));
