/** The process in which `proveEngine` tries an engine: its last lines of output are the result. */

import { toLockstepError } from '@lockstep/config';

import { checkEngine } from './check.js';
import type { DeviceRequest, EngineFound } from './engine.js';
import { loadEngine } from './load.js';
import { ANSWER } from './prove.js';

const { found, device } = JSON.parse(process.argv[2] ?? '') as { found: EngineFound; device: DeviceRequest };

async function answer(): Promise<Record<string, string>> {
  try {
    const engine = await loadEngine(found, { device });
    checkEngine(engine);
    return { label: engine.label };
  } catch (thrown) {
    const { message, hint } = toLockstepError(thrown);
    return { reason: message, advice: hint };
  }
}

for (const [name, words] of Object.entries(await answer())) {
  process.stdout.write(`${ANSWER} ${name} ${words.replace(/\s+/g, ' ')}\n`);
}
