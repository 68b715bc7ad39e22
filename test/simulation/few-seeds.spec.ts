/** The first seeds, in this process: what planted bugs are caught with, and what a debugger can step through. */
import { expect, it } from 'vitest';
import { runSeeds, tell } from './run-seeds.js';
import { simulate } from './simulate.js';

const SEEDS = 60;

it(`ends ${SEEDS} simulated clusters with the bytes of a run without faults`, async () => {
  const result = await runSeeds({ from: 1, until: 1 + SEEDS, stride: 1, storiesMax: 1, wrongMax: 1 });
  expect(result.wrongSeeds, result.stories.join('\n\n')).toEqual([]);
  expect(result.seeds).toBe(SEEDS);
});

it('tells the same story for the same seed', async () => {
  const play = async (): Promise<string> => tell(await simulate(7, { isTraced: true, linesKept: 10_000 }));
  const story = await play();
  expect(story).toContain('play it again: npm run simulate -- --seed 7');
  expect(await play()).toBe(story);
});
