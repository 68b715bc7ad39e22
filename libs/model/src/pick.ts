/** From logits to a character, on the host in float64, so that the same seed writes the same text. */
import { invariant } from '@lockstep/config';
import { UNKNOWN_ID } from '@lockstep/data';
import type { RandomStream } from '@lockstep/data';

/**
 * Draws an id with probability proportional to exp(logit / temperature). UNKNOWN_ID is never drawn: it stands for no
 * character.
 * @param logits [V], V >= 2
 * @param temperature 0 takes the largest logit, the lowest id among equals, and draws no random number
 */
export function pickCharacter(logits: Float32Array, temperature: number, random: RandomStream): number {
  invariant(temperature >= 0 && Number.isFinite(temperature), `temperature ${temperature}`);
  const best = largest(logits);
  if (temperature === 0) return best;
  const weights = new Float64Array(logits.length);
  let total = 0;
  for (let id = 0; id < weights.length; id++) {
    weights[id] = id === UNKNOWN_ID ? 0 : Math.exp((logits[id] - logits[best]) / temperature);
    total += weights[id];
  }
  let left = random.uniform() * total;
  for (let id = 0; id < weights.length; id++) {
    left -= weights[id];
    if (left < 0) return id;
  }
  return best;
}

function largest(logits: Float32Array): number {
  let best = -1;
  for (let id = 0; id < logits.length; id++) {
    if (id !== UNKNOWN_ID && (best === -1 || logits[id] > logits[best])) best = id;
  }
  invariant(best !== -1 && Number.isFinite(logits[best]), 'logits of a model that can say something');
  return best;
}
