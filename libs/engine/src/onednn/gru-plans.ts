/** The plans for the sizes that a run meets: its shards, and those of an evaluation. */

import { GruPlan } from './gru-plan.js';
import type { GruSizes } from './gru-primitives.js';
import type { OneDnn } from './library.js';
import type { ArrayPool } from './pool.js';

/** Two sizes of shards (22 and 21 rows of 64 over 3), the same for an evaluation. */
const PLANS_MAX = 4;

export class GruPlans {
  readonly #dnn: OneDnn;
  readonly #pool: ArrayPool;
  /** The longest unused first. */
  readonly #plans = new Map<string, GruPlan>();

  constructor(dnn: OneDnn, pool: ArrayPool) {
    this.#dnn = dnn;
    this.#pool = pool;
  }

  /** Makes a plan that is not there, and frees the one that was unused for longest when there are too many. */
  planFor(sizes: GruSizes): GruPlan {
    const key = Object.values(sizes).join();
    const plan = this.#plans.get(key) ?? new GruPlan(this.#dnn, this.#pool, sizes);
    this.#plans.delete(key);
    this.#plans.set(key, plan);
    const [[oldestKey, oldest] = []] = this.#plans;
    if (this.#plans.size > PLANS_MAX && oldestKey !== undefined) {
      this.#plans.delete(oldestKey);
      oldest?.free();
    }
    return plan;
  }
}
