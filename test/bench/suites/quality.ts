/**
 * Time to quality: minutes until the mean training loss of 50 consecutive steps is below 1.90 nats, whole programs from
 * the command on: `lockstep train` with the tutorial's preset and its own defaults, against the recipe of TensorFlow's
 * text generation tutorial. Rounds are whole trainings and take turns; the seed of lockstep is the round.
 */
import { basename } from 'node:path';
import { threadEnvironment, messageOf } from '../peers/plans.js';
import { Contestant } from '../contestant.js';
import { pythonProgram } from '../peers/plans.js';
import { compete } from '../rounds.js';
import type { Entry, Live } from '../rounds.js';
import type { Suite, SuiteContext } from '../suite.js';
import { train } from '../training.js';

const LOSS = 1.9;
const WINDOW_STEPS = 50;
/** Twice what Keras's start needs. */
const EPOCHS_MAX = 6;

export const qualitySuite: Suite = {
  title: `Time until the mean training loss of ${WINDOW_STEPS} steps is below ${LOSS} nats, tutorial model`,
  async run(context) {
    const { text } = context;
    if (text === undefined) throw new Error('quality needs a corpus: --text FILE');
    const entries: Entry[] = [lockstepEntry(context, text)];
    if (context.peers.has('keras')) entries.push(await kerasEntry(context, text));
    const rows = (await compete(entries, context.rounds, context.say)).map(({ row }) => row);
    const title = `tutorial preset on ${basename(text)}`;
    return { cases: [{ name: 'tutorial', title, unit: 'minutes', better: 'less', isRace: true, rows }], checks: [] };
  },
};

/** Where the mean over the last `WINDOW_STEPS` losses has come below `LOSS`. */
export function reachesQuality(losses: readonly number[]): boolean {
  if (losses.length < WINDOW_STEPS) return false;
  return losses.slice(-WINDOW_STEPS).reduce((sum, loss) => sum + loss, 0) / WINDOW_STEPS < LOSS;
}

function lockstepEntry({ scratch, say }: SuiteContext, text: string): Entry {
  const name = 'lockstep train --preset tutorial';
  let seed = 0;
  const round = async (): Promise<number> => {
    seed += 1;
    const losses: number[] = [];
    const sizes = ['--text', text, '--preset', 'tutorial', '--epochs', String(EPOCHS_MAX), '--seed', String(seed)];
    let minutes = NaN;
    await train(scratch, [...sizes, '--sample-length', '1'], {
      onCommit: ({ loss, atMs, step }) => {
        losses.push(loss);
        if (Number.isNaN(minutes) && reachesQuality(losses)) {
          minutes = atMs / 60_000;
          say(`${name}, seed ${seed}: step ${step}, ${minutes.toFixed(1)} minutes`);
        }
        return !Number.isNaN(minutes);
      },
    });
    return minutes;
  };
  const ready = { version: '', losses: [], facts: {} };
  return { name, open: () => Promise.resolve({ ready, round, close: () => Promise.resolve() }) };
}

/** A process a round: what it answers is the time from its start. */
async function kerasEntry({ scratch, cores, say }: SuiteContext, text: string): Promise<Entry> {
  const name = "keras, the tutorial's recipe";
  const goal = { text, loss: LOSS, window: WINDOW_STEPS, epochs: EPOCHS_MAX, threads: cores, scratch };
  try {
    const command = await pythonProgram('keras', 'quality_keras.py', [JSON.stringify(goal)], say);
    const plan = { name, command, env: threadEnvironment(cores) };
    const open = async (): Promise<Live> => {
      const round = async (): Promise<number> => {
        const startMs = performance.now();
        const contestant = await Contestant.start(plan, ROUND_DEADLINE_MS);
        try {
          return (performance.now() - startMs) / 60_000;
        } finally {
          await contestant.close();
        }
      };
      return Promise.resolve({
        ready: { version: 'Keras 3.15.1', losses: [], facts: {} },
        round,
        close: () => Promise.resolve(),
      });
    };
    return { name, open };
  } catch (error) {
    return { name, missing: messageOf(error) };
  }
}

/** Hours on two cores. */
const ROUND_DEADLINE_MS = 6 * 3_600_000;
