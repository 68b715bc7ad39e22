/**
 * What fault-points.spec.ts runs: passes W6 at step 4, says what became of it, and waits a while for signals.
 */
import { openFaultPoints } from '@lockstep/worker';

const WAIT_MS = 500;

/** @param {string} line */
const say = (line) => void process.stdout.write(`${line}\n`);

process.on('SIGTERM', () => say('SIGTERM'));
openFaultPoints(process.env, '0')?.('W6', { step: 4 });
say('passed');
setTimeout(() => undefined, WAIT_MS);
