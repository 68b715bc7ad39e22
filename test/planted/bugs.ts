/**
 * Mistakes that somebody could make, each as a change to the text of the sources, with the smallest suite that has to
 * notice it. They are planted while a test is compiled (see plant.ts); no source knows of them.
 */

export interface Change {
  readonly file: string;
  /** Occurs exactly once in the file, or the bug is stale. */
  readonly search: string;
  readonly replace: string;
}

export interface Bug {
  readonly name: string;
  readonly changes: readonly Change[];
  readonly suite: Suite;
}

export interface Suite {
  readonly files: readonly string[];
  /** Only tests whose name matches. */
  readonly tests?: string;
}

const COORDINATOR = 'libs/protocol/src/coordinator';
const WORKER = 'libs/protocol/src/worker';
const CHECKPOINT = 'libs/checkpoint/src';

const scenarios: Suite = { files: ['test/scenarios'] };
/** Some tens of seeds. */
const simulation: Suite = { files: ['test/simulation/few-seeds'] };

export const bugs: readonly Bug[] = [
  {
    name: 'duplicates are applied by the coordinator',
    changes: [
      {
        file: `${COORDINATOR}/conversation.ts`,
        search: 'if (stamp.sequence < known.received) {',
        replace: 'if (false) {',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'duplicates are applied by a worker',
    changes: [
      {
        file: `${WORKER}/worker.ts`,
        search: 'if (stamp.sequence < state.hearing) return',
        replace:
          'if (stamp.sequence < state.hearing) return obey(state, out, message, payload, nowMs);\n  if (false) return',
      },
      { file: `${WORKER}/obeying.ts`, search: "'step' in message && message.step !== state.step", replace: 'false' },
    ],
    suite: simulation,
  },
  {
    name: 'gradients are summed in the order of arrival',
    changes: [
      {
        file: 'libs/reduce/src/tree-sum.ts',
        search: 'const leaf = this.#leaves[shardIndex];',
        replace: 'const leaf = this.#leaves[this.#hasArrived.filter(Boolean).length];',
      },
    ],
    suite: simulation,
  },
  {
    name: 'the journal is not flushed',
    changes: [
      {
        file: `${CHECKPOINT}/journal-file.ts`,
        search: "await withIoErrors('flush the journal', this.path, () => this.#file.sync());",
        replace: '',
      },
    ],
    suite: { files: [`${CHECKPOINT}/journal-trouble`], tests: 'a power cut' },
  },
  {
    name: 'the checksums of journal lines are not compared',
    changes: [
      {
        file: `${CHECKPOINT}/line-sum.ts`,
        search: 'if (tail !== ',
        replace: 'if (sum === before && tail !== ',
      },
    ],
    suite: { files: [`${CHECKPOINT}/run-history`], tests: 'is refused when' },
  },
  {
    name: 'a checkpoint gets its name before it is flushed',
    changes: [
      { file: `${CHECKPOINT}/checkpoint.ts`, search: '  await syncDirectory(folder, disk);\n', replace: '' },
      { file: `${CHECKPOINT}/atomic-write.ts`, search: '      await file.sync();\n', replace: '' },
    ],
    suite: { files: [`${CHECKPOINT}/checkpoint-trouble`], tests: 'flushes every file' },
  },
  {
    name: 'a step counts as journalled before its line is on the disk',
    changes: [
      {
        file: 'libs/runtime/src/coordinator-loop.ts',
        search: 'await this.#ports.store.commit(committed);',
        replace: 'void this.#ports.store.commit(committed);',
      },
    ],
    suite: simulation,
  },
  {
    name: 'the coordinator does not look at the term',
    changes: [
      {
        file: `${COORDINATOR}/conversation.ts`,
        search: "if (message.type !== 'failed' && message.term !== term) {",
        replace: 'if (false) {',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'a worker does not look at the term',
    changes: [
      {
        file: `${WORKER}/obeying.ts`,
        search: 'state.envelope !== null && message.term < state.envelope.term',
        replace: 'false',
      },
      { file: `${WORKER}/obeying.ts`, search: ' || message.term !== state.envelope?.term', replace: '' },
    ],
    suite: scenarios,
  },
  {
    name: 'messages of an earlier conversation are applied',
    changes: [
      {
        file: `${COORDINATOR}/conversation.ts`,
        search: 'if (stamp.conversation !== known.conversation) {',
        replace: 'if (false) {',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'lost messages go unnoticed',
    changes: [
      {
        file: `${COORDINATOR}/conversation.ts`,
        search: 'if (stamp.sequence > known.received) {',
        replace: 'if (false) {',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'a gradient of an old step counts',
    changes: [{ file: `${COORDINATOR}/answers.ts`, search: 'message.step !== heard.step || ', replace: '' }],
    suite: scenarios,
  },
  {
    name: 'the shards are cut anew when a worker is lost',
    changes: [
      {
        file: `${COORDINATOR}/departure.ts`,
        search: "import { shardsAt } from './state.js';",
        replace: "import { shardsAt } from './state.js';\nimport { planShards } from '@lockstep/data';",
      },
      {
        file: `${COORDINATOR}/departure.ts`,
        search: 'return { ...forgetTasks(state, peer), workers, membership: state.membership + 1 };',
        replace:
          'const plans = [...state.plans, { fromStep: state.step + 1, ' +
          'shards: planShards(state.settings.batchSize, Math.max(1, workers.size)) }];\n' +
          '  return { ...forgetTasks(state, peer), workers, plans, membership: state.membership + 1 };',
      },
    ],
    suite: simulation,
  },
  {
    name: 'what is not a number is swallowed',
    changes: [
      { file: 'libs/runtime/src/coordinator-loop.ts', search: 'vector === null || allFinite(vector)', replace: 'true' },
      {
        file: `${COORDINATOR}/answers.ts`,
        search: 'const isFinite = finite && Number.isFinite(lossSum);',
        replace: 'const isFinite = true;',
      },
      {
        file: 'libs/reduce/src/finish.ts',
        search: 'return Math.sqrt(squares);',
        replace: 'return Math.sqrt(squares) || 0;',
      },
      {
        file: 'libs/reduce/src/finish.ts',
        search: 'finite: Number.isFinite(norm)',
        replace: 'finite: true',
      },
    ],
    suite: simulation,
  },
  {
    name: 'a worker says heartbeats only when it is idle',
    changes: [
      {
        file: `${WORKER}/worker.ts`,
        search: 'const message = { type: ',
        replace: 'if (state.tasks.length > 0) return state;\n  const message = { type: ',
      },
    ],
    suite: { files: [`${WORKER}/absence`] },
  },
  {
    name: 'checksums of payloads are not compared',
    changes: [
      {
        file: 'libs/protocol/src/codec.ts',
        search: 'payload.some((frame, index) => digest(frame) !== header.payload[index])',
        replace: 'false',
      },
    ],
    suite: { files: ['libs/protocol/src/codec'] },
  },
  {
    name: 'a newcomer is levelled without a look at its digest',
    changes: [
      {
        file: `${COORDINATOR}/admission.ts`,
        search: 'message.step === state.replica?.step && message.digest !== state.replica.digest',
        replace: 'false',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'weights that come back are believed',
    changes: [
      {
        file: `${COORDINATOR}/admission.ts`,
        search: 'replica.digest !== state.agreed.get(state.step)',
        replace: 'false',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'replayed steps are not compared with the journal',
    changes: [{ file: `${COORDINATOR}/history.ts`, search: 'if (line === undefined || ', replace: 'if (true || ' }],
    suite: scenarios,
  },
  {
    name: 'the newest checkpoint is taken without verifying it',
    changes: [
      {
        file: `${CHECKPOINT}/checkpoint-folder.ts`,
        search: 'return { checkpoint: await readCheckpointFolder(path, verify), passedOver };',
        replace: 'return { checkpoint: await readCheckpointFolder(path, false), passedOver };',
      },
    ],
    suite: { files: [`${CHECKPOINT}/checkpoint-trouble`], tests: 'counts no checkpoint whose bits are wrong' },
  },
  {
    name: 'the writer of the journal does not look at the lock',
    changes: [{ file: `${CHECKPOINT}/journal.ts`, search: 'await this.#options.fence?.();', replace: '' }],
    suite: { files: [`${CHECKPOINT}/journal-trouble`], tests: 'another coordinator has taken over' },
  },
  {
    name: 'a late answer is counted, too',
    changes: [
      {
        file: `${COORDINATOR}/answers.ts`,
        search: 'if (open === undefined) return ',
        replace:
          "if (open === undefined) out.push({ type: 'collect', step: heard.step, shard: message.shard, " +
          'payload: given.payload });\n  if (open === undefined) return ',
      },
    ],
    suite: simulation,
  },
  {
    name: 'workers keep no records of steps that the journal may lack',
    changes: [
      {
        file: `${WORKER}/obeying.ts`,
        search: 'return [...records, record].filter(',
        replace: 'return [].filter(',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'replicas are adopted whose steps the journal lacks',
    changes: [
      {
        file: `${COORDINATOR}/recovery.ts`,
        search: 'missingRecords(state, step, workers) !== null',
        replace: 'true',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'the least advanced replica is adopted',
    changes: [
      {
        file: `${COORDINATOR}/recovery.ts`,
        search: '[...bySteps].sort(([a], [b]) => b - a)',
        replace: '[...bySteps].sort(([a], [b]) => a - b)',
      },
    ],
    suite: scenarios,
  },
  {
    name: 'a plan holds before its line is on the disk',
    changes: [
      {
        file: `${COORDINATOR}/replanning.ts`,
        search: "return { ...state, phase: { name: 'replanning' } };",
        replace: 'return onPlanJournalled(state, out, plan);',
      },
    ],
    suite: scenarios,
  },
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
];
