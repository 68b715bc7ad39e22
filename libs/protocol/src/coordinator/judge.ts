/**
 * Which of the answers to one shard counts. Normally the first one does. An answer that is not finite, an audited
 * shard, or answers that differ need the word of another worker; whoever is outvoted computes wrongly.
 */
import { LIMITS } from '@lockstep/config';
import type { Answer } from './state.js';

export type Verdict =
  /** Nobody has answered, or one more answer is needed. */
  | { readonly kind: 'open' }
  | { readonly kind: 'accepted'; readonly answer: Answer; readonly outvoted: readonly string[] }
  /** The numbers have left the finite, and asking again gave the same. */
  | { readonly kind: 'diverged' }
  /** The answers contradict each other, and nobody else can be asked. */
  | { readonly kind: 'undecided' };

interface Opinion {
  readonly answer: Answer;
  readonly peers: ReadonlySet<string>;
}

/** Answers with equal bits, as one; all that is not finite is alike. */
function opinionsOf(answers: readonly Answer[]): readonly Opinion[] {
  const byBits = new Map<string, { answer: Answer; peers: Set<string> }>();
  for (const answer of answers) {
    const bits = answer.finite ? `${answer.digest} ${answer.lossSum}` : 'not finite';
    const opinion = byBits.get(bits) ?? { answer, peers: new Set<string>() };
    opinion.peers.add(answer.peer);
    byBits.set(bits, opinion);
  }
  return [...byBits.values()];
}

/**
 * @param answers in the order in which they came, also of workers that have gone since
 * @param audited whether even an only answer has to be confirmed by another worker
 */
export function judge(answers: readonly Answer[], audited: boolean): Verdict {
  const opinions = opinionsOf(answers);
  const finite = opinions.filter(({ answer }) => answer.finite);
  const confirmed = finite.filter(({ peers }) => peers.size > 1);
  // One finite answer outweighs any number of others that are not, unless finite ones contradict each other too.
  const unopposed = !audited && finite.length === 1 ? finite[0] : undefined;
  const accepted = confirmed.length === 1 ? confirmed[0] : unopposed;
  if (accepted !== undefined) {
    const outvoted = new Set(opinions.filter((opinion) => opinion !== accepted).flatMap(({ peers }) => [...peers]));
    // Who said both has corrected itself; whether that is a fault of its machine nobody can say.
    return { kind: 'accepted', answer: accepted.answer, outvoted: [...outvoted].filter((p) => !accepted.peers.has(p)) };
  }
  if (finite.length === 0) return answers.length > 1 ? { kind: 'diverged' } : { kind: 'open' };
  return answers.length >= LIMITS.answersPerShardMax ? { kind: 'undecided' } : { kind: 'open' };
}
