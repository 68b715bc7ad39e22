/** Plays every screenplay in the folders beside this file; `npx vitest run test/scenarios -u` writes them anew. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCoordinatorStage } from './coordinator-stage.js';
import { play } from './screenplay.js';
import type { Stage } from './screenplay.js';
import { openWorkerStage } from './worker-stage.js';

const stages: Readonly<Record<string, (given: string) => Stage>> = {
  coordinator: openCoordinatorStage,
  worker: openWorkerStage,
};

describe.each(Object.entries(stages))('a %s', (kind, open) => {
  const folder = join(import.meta.dirname, kind);
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

  it.each(names)('plays %s as it is written', async (name) => {
    const path = join(folder, name);
    await expect(play(readFileSync(path, 'utf8'), open)).toMatchFileSnapshot(path);
  });

  it('has screenplays', () => expect(names.length).toBeGreaterThan(0));
});

describe('a screenplay', () => {
  it('refuses a command that nobody understands, and one before the setting', () => {
    expect(() => play('given 2 workers\n> a dances', openCoordinatorStage)).toThrow('line 2: nobody understands');
    expect(() => play('> a joins', openCoordinatorStage)).toThrow('line 1: a command before');
  });

  it('writes the trace anew, whatever stood there', () => {
    const text = 'given 1 worker\n> a says hello\n  something else\n';
    const played = play(text, openCoordinatorStage);
    expect(played).not.toContain('something else');
    expect(play(played, openCoordinatorStage)).toBe(played);
  });
});
