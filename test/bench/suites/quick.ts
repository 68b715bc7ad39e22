/**
 * A few ratios that need no peer and no more than three minutes, as a guard against regressions: engines against each
 * other, the update against a memory copy, an all-reduce against the same bytes over plain sockets. Bounds are in
 * quick-bounds.json: far enough from what a quiet machine shows that a busy one passes too.
 */
import type { Suite } from '../suite.js';
import { allReduceCase, localPeers } from './allreduce.js';
import { optimizerCase } from './path.js';
import { stepCase } from './step.js';

export const quickSuite: Suite = {
  title: 'Quick: ratios that need no peer',
  async run(context) {
    const { figures, checks } = await stepCase(context, 'laptop');
    const cases = [figures, await optimizerCase(context), await allReduceCase(context, localPeers(), 2)];
    return { cases, checks };
  },
};
