import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { benchVector } from './vector.js';

const PROGRAM = fileURLToPath(new URL('./main.mjs', import.meta.url));
const SHORT = ['--length', '1000', '--rounds', '3'];

describe('npm run bench:vector', () => {
  it('measures every case, in words and as JSON', async () => {
    const lines: string[] = [];
    await benchVector(SHORT, (line) => lines.push(line));
    expect(lines[0]).toBe('1000 values, 3 rounds: median, least, ratio to a copy that moves the same bytes');
    const json = execFileSync(process.execPath, [PROGRAM, ...SHORT, '--cpu', '--json'], { encoding: 'utf8' });
    const report = JSON.parse(json.slice(json.indexOf('{'))) as { lines: { name: string; medianMs: number }[] };
    expect(report.lines.map(({ name }) => name)).toEqual(lines.slice(1).map((line) => line.split('  ')[0]));
    expect(report.lines.every(({ medianMs }) => medianMs >= 0)).toBe(true);
  });
});
