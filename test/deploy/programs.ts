/** Prometheus and its checker, which Debian has in one package. */
import { execFileSync, spawnSync } from 'node:child_process';

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Why tests that need them are left out; null when they are there. */
export const withoutPrometheus: string | null =
  isThere('prometheus') && isThere('promtool') ? null : 'needs prometheus and promtool (the Debian package prometheus)';

/** Runs promtool; what it says comes back with its exit code. */
export function promtool(...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', timeout: 60_000 });
  return { code: status, output: stdout + stderr };
}
