/**
 * A stretch of time divided among what happened in it. Where several things happened at a time the one counts that
 * nothing else could have been waited for less: computing before moving bytes, moving bytes before waiting.
 */
import { PHASES } from '@lockstep/metrics';

export type Phase = (typeof PHASES)[number];

export interface Segment {
  readonly phase: Exclude<Phase, 'other'>;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Beginning with the one that counts most. */
const RANK: readonly Segment['phase'][] = ['compute', 'apply', 'reduce', 'checkpoint', 'data', 'transfer', 'dispatch'];

/**
 * Milliseconds of each phase; together they are the length of the stretch.
 * @param segments in any order; they may overlap, and reach beyond the stretch
 */
export function partition(fromMs: number, toMs: number, segments: readonly Segment[]): Record<Phase, number> {
  const result = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<Phase, number>;
  const cut = (atMs: number): number => Math.min(toMs, Math.max(fromMs, atMs));
  const inside = segments
    .map((segment) => ({ rank: RANK.indexOf(segment.phase), fromMs: cut(segment.fromMs), toMs: cut(segment.toMs) }))
    .filter((segment) => segment.toMs > segment.fromMs);
  const edges = new Set([fromMs, toMs, ...inside.flatMap((segment) => [segment.fromMs, segment.toMs])]);
  const ordered = [...edges].sort((a, b) => a - b);
  for (const [index, edge] of ordered.entries()) {
    const next = ordered[index + 1];
    if (next === undefined) break;
    const ranks = inside.filter((one) => one.fromMs <= edge && one.toMs >= next).map(({ rank }) => rank);
    result[ranks.length === 0 ? 'other' : RANK[Math.min(...ranks)]] += next - edge;
  }
  return result;
}
