/** Mistakes in the ways in which gradients are summed: shipped to the coordinator, or exchanged among workers. */
import { scenarios, simulation } from './bug.js';
import type { Bug } from './bug.js';

const COORDINATOR = 'libs/protocol/src/coordinator';

export const summingBugs: readonly Bug[] = [
  {
    name: 'what is said of an earlier exchange counts',
    changes: [
      {
        file: `${COORDINATOR}/exchanging.ts`,
        search: 'phase.exchange !== message.exchange',
        replace: 'false',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'a gradient that went with its worker counts',
    changes: [
      {
        file: `${COORDINATOR}/shipping.ts`,
        search: 'outside.filter(([, { peer }]) => !members.has(peer))',
        replace: 'outside.filter(() => false)',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'an update is sent before all have the mean',
    changes: [
      {
        file: `${COORDINATOR}/exchanging.ts`,
        search: 'phase.done.size === phase.members.length',
        replace: 'phase.done.size > 0',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'gradients are asked for however many are on their way',
    changes: [
      {
        file: `${COORDINATOR}/shipping.ts`,
        search: 'if (onTheWay.size >= gradientCredit) return false;',
        replace: 'if (onTheWay.size >= 0) return true;',
      },
    ],
    suite: simulation,
  },
  {
    name: 'what is shipped is not compared with what was told',
    changes: [
      {
        file: `${COORDINATOR}/shipping.ts`,
        search: 'if (digest !== result.digest || !finite) {',
        replace: 'if (false) {',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'a gradient that nobody waits for any more is added, too',
    changes: [
      {
        file: `${COORDINATOR}/shipping.ts`,
        search: "if (phase.name !== 'computing' || !isAsked) {",
        replace: "if (phase.name !== 'computing' || result === undefined) {",
      },
    ],
    suite: scenarios,
  },
  {
    name: 'workers sum in the order of arrival',
    changes: [
      {
        file: 'libs/reduce/src/exchange.ts',
        search: 'nodeSum(tree, (node) => parts.get(keyOf(node)));',
        replace: '{ inputs: [...parts.values()], additions: [...parts].map((_, i) => [0, i] as const).slice(1) };',
      },
    ],
    suite: { files: ['libs/reduce/src/exchange.spec.ts'] },
  },
  {
    name: 'memory that a piece of an abandoned exchange may still be written to is used again',
    changes: [
      {
        file: 'libs/runtime/src/gradient-exchange.ts',
        search: 'if (this.#running?.exchange.complete === false) this.#kept.abandon();',
        replace: '',
      },
    ],
    suite: { files: ['libs/runtime/src/gradient-exchange.spec.ts'] },
  },
];
