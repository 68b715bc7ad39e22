/** `lockstep doctor`: is everything here that a run needs, and if not, what to do. */
import { EXIT_CODES } from '@lockstep/config';
import { engineEnvironment, engineProbes, hostFacts } from '@lockstep/engine';
import type { Probe } from '@lockstep/engine';
import { measureLoopback, zeromqFacts } from '@lockstep/transport';
import { renderTable } from '../views/table.js';
import type { CommandBody } from './command-body.js';

const LOOPBACK_ROUNDS = 20;
const LOOPBACK_PAYLOAD_BYTES = 4 << 20;
const MARK: Record<Probe['ok'], string> = { ok: 'ok', warn: 'warn', fail: 'FAIL' };

function zeromqProbe(): Probe {
  const { version, curve } = zeromqFacts();
  return {
    name: 'zeromq',
    value: `${version}, CURVE ${curve ? 'available' : 'missing'}`,
    ok: curve ? 'ok' : 'warn',
    advice: curve ? '' : 'encryption needs a build of zeromq with CURVE: reinstall the npm package zeromq',
  };
}

async function loopbackProbe(): Promise<Probe> {
  try {
    const figures = await measureLoopback({ rounds: LOOPBACK_ROUNDS, payloadBytes: LOOPBACK_PAYLOAD_BYTES });
    const value = `${figures.roundTripMs.toFixed(2)} ms round trip, ${figures.megabytesPerSecond.toFixed(0)} MB/s`;
    return { name: 'loopback', value, ok: 'ok', advice: '' };
  } catch (error) {
    const value = error instanceof Error ? error.message : String(error);
    return { name: 'loopback', value, ok: 'fail', advice: 'check that 127.0.0.1 is not blocked by a firewall' };
  }
}

export const doctorCommand: CommandBody = {
  builder: (cli) =>
    cli
      .option('gpu', { type: 'boolean', default: false, describe: 'Check for training on a GPU' })
      .option('json', { type: 'boolean', default: false, describe: 'Print one JSON array' }),
  handler: async (argv) => {
    const device = argv['gpu'] === true ? ({ kind: 'gpu', index: 0 } as const) : ({ kind: 'cpu' } as const);
    Object.assign(process.env, engineEnvironment({ threads: (await hostFacts()).cores, device }));
    const probes = [...(await engineProbes({ choice: 'auto', device })), zeromqProbe(), await loopbackProbe()];
    const text =
      argv['json'] === true
        ? JSON.stringify(probes)
        : renderTable(
            probes.map(({ name, value, ok, advice }) => [
              MARK[ok],
              name,
              advice === '' ? value : `${value}\n-> ${advice}`,
            ]),
          );
    process.stdout.write(`${text}\n`);
    if (probes.some((probe) => probe.ok === 'fail')) process.exitCode = EXIT_CODES.unavailable;
  },
};
