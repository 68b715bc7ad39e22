/**
 * One worker, one whole step (forward, backward, update) on all cores: every engine of lockstep that is installed
 * against PyTorch, Keras and oneDNN's own primitive. Equal weights and windows go to all; equal losses come back, or
 * the case does not count.
 */
import { ENGINE_NAMES, PRESETS } from '@lockstep/config';
import { engineEnvironment, findEngine } from '@lockstep/engine';
import { oneDnnEntry } from '../peers/onednn.js';
import { messageOf, peerPlan, threadEnvironment } from '../peers/plans.js';
import type { Case, Check } from '../results.js';
import { compete } from '../rounds.js';
import type { Entry, Measured } from '../rounds.js';
import { writeJob } from '../step-job.js';
import type { StepJob } from '../step-job.js';
import type { Suite, SuiteContext } from '../suite.js';

/** Relative; float32 sums in another order differ by a tenth of this. */
const FIRST_LOSS_TOLERANCE = 1e-4;
/** Relative. */
const GRADIENT_NORM_TOLERANCE = 1e-3;
/** Nats, after the warm-up: Keras's Adam scales epsilon otherwise, which moves weights with tiny gradients less. */
const LATER_LOSS_TOLERANCE = 0.05;

const SHAPES = {
  tutorial: { preset: PRESETS.tutorial, repeats: 1 },
  laptop: { preset: PRESETS.laptop, repeats: 5 },
} as const;

export const stepSuite: Suite = {
  title: 'One worker: forward, backward and update, all cores',
  async run(context) {
    const cases: Case[] = [];
    const checks: Check[] = [];
    for (const name of ['tutorial', 'laptop'] as const) {
      const { figures, checks: more } = await stepCase(context, name);
      cases.push(figures);
      checks.push(...more);
    }
    return { cases, checks };
  },
};

/** One shape, all contestants. */
export async function stepCase(
  context: SuiteContext,
  name: keyof typeof SHAPES,
): Promise<{ figures: Case; checks: Check[] }> {
  const { preset, repeats } = SHAPES[name];
  const { batchSize, sequenceLength, embedding, units } = preset;
  const title = `${name}: ${batchSize} x ${sequenceLength} characters, embedding ${embedding}, ${units} units`;
  context.say(title);
  const job = writeJob(context, { name, preset, repeats });
  const measured = await compete(await entries(context, job), context.rounds, context.say);
  const rows = measured.map(({ row }) => row);
  return {
    figures: { name, title, unit: 'ms a step', better: 'less', isRace: true, rows },
    checks: [...sameLosses(name, measured), ...sameGradients(name, measured)],
  };
}

async function entries(context: SuiteContext, job: StepJob): Promise<Entry[]> {
  const text = JSON.stringify(job);
  const own = await Promise.all(
    ENGINE_NAMES.map(async (engine): Promise<Entry> => {
      const name = `lockstep ${engine}`;
      try {
        await findEngine(engine, { device: { kind: 'cpu' } });
      } catch (error) {
        return { name, missing: messageOf(error) };
      }
      const device = { kind: 'cpu' } as const;
      const env = { ...threadEnvironment(job.threads), ...engineEnvironment({ threads: job.threads, device }) };
      return { plan: { name, command: [process.execPath, context.programs.step, engine, text], env } };
    }),
  );
  const others: Entry[] = [];
  for (const peer of ['torch', 'keras'] as const) {
    if (context.peers.has(peer)) others.push(await peerPlan(peer, `step_${peer}.py`, [text], context, job.threads));
  }
  if (context.peers.has('onednn')) others.push(await oneDnnEntry(context, job));
  return [...own, ...others];
}

/** The gradient of the first batch, by its norm, wherever a contestant tells it. */
function sameGradients(name: string, measured: readonly Measured[]): Check[] {
  const told = measured.flatMap(({ row }) => {
    const norm = row.facts['gradientNorm'];
    return typeof norm === 'number' ? [{ contestant: row.contestant, norm }] : [];
  });
  const [first, ...others] = told;
  if (first === undefined) return [];
  return others.map(({ contestant, norm }) => ({
    what: `${name}: ${contestant} computes the gradient of ${first.contestant}`,
    ok: Math.abs(norm / first.norm - 1) <= GRADIENT_NORM_TOLERANCE,
    detail: `norms ${norm.toPrecision(6)} and ${first.norm.toPrecision(6)}`,
  }));
}

function figuresOf(losses: readonly number[]): string {
  return losses.map((loss) => loss.toFixed(5)).join(', ');
}

/** The first loss of all must be the same, and the last before the rounds nearly. */
export function sameLosses(name: string, measured: readonly Measured[]): Check[] {
  const [first, ...others] = measured.filter(({ losses }) => losses.length > 0);
  if (first === undefined) return [];
  return others.map(({ row, losses }) => {
    const apart = Math.abs((losses[0] ?? Number.NaN) / (first.losses[0] ?? 1) - 1);
    const laterApart = Math.abs((losses.at(-1) ?? Number.NaN) - (first.losses.at(-1) ?? 0));
    return {
      what: `${name}: ${row.contestant} computes the loss of ${first.row.contestant}`,
      ok: apart <= FIRST_LOSS_TOLERANCE && (losses.length === 1 || laterApart <= LATER_LOSS_TOLERANCE),
      detail: `${figuresOf(losses)} and ${figuresOf(first.losses)} nats`,
    };
  });
}
