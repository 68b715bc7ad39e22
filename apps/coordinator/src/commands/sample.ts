/** `lockstep sample`: lets a trained model go on from a beginning, one character at a time, printed as they come. */
import { SAMPLE_OPTIONS } from '@lockstep/config';
import { randomStream, UNKNOWN_ID } from '@lockstep/data';
import { pickCharacter } from '@lockstep/model';
import { gatherValues } from '../options/gather-values.js';
import { required } from '../options/required.js';
import { yargsOptions } from '../options/yargs-options.js';
import { openTrainedModel } from '../trained-model.js';
import type { CommandBody } from './command-body.js';

/** Characters that are written together: a write a character would cost more than the character. */
const WRITE_EVERY = 64;

export const sampleCommand: CommandBody = {
  builder: (cli) =>
    cli
      .options(yargsOptions(SAMPLE_OPTIONS))
      .example('$0 sample --checkpoint runs/mine --prime "She was " --length 300 --temperature 0.7', ''),
  handler: async (argv) => {
    const values = await gatherValues(SAMPLE_OPTIONS, argv, process.env);
    const defaults = SAMPLE_OPTIONS;
    const path = required(values.checkpoint, 'checkpoint');
    const { model, vocabulary, checkpoint } = await openTrainedModel(
      path,
      values.engine ?? defaults.engine.default,
      values.device ?? defaults.device.default,
    );
    const prime = values.prime ?? defaults.prime.default;
    const random = randomStream(values.seed ?? defaults.seed.default, 'sample');
    const temperature = values.temperature ?? defaults.temperature.default;
    const primeIds = [...vocabulary.encode(prime)];
    if (primeIds.includes(UNKNOWN_ID)) {
      process.stderr.write('lockstep: the model has never seen some characters of --prime; they count as unknown\n');
    }
    const sampler = model.sampler(checkpoint.weights);
    let logits = sampler.prime(primeIds);
    process.stdout.write(prime);
    let pending: number[] = [];
    for (let left = values.length ?? defaults.length.default; left > 0; left -= 1) {
      const id = pickCharacter(logits, temperature, random);
      pending.push(id);
      if (left > 1) logits = sampler.next(id);
      if (pending.length === WRITE_EVERY || left === 1) {
        process.stdout.write(vocabulary.decode(pending));
        pending = [];
      }
    }
    process.stdout.write('\n');
    sampler.dispose();
  },
};
