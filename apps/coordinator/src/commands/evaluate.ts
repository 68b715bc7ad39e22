/** `lockstep evaluate`: the loss of a checkpoint on a text, cut into windows as in training. */
import { EVALUATE_OPTIONS } from '@lockstep/config';
import { countWindows, cutRows } from '@lockstep/data';
import { sumScalars } from '@lockstep/reduce';
import { gatherValues } from '../options/gather-values.js';
import { required } from '../options/required.js';
import { yargsOptions } from '../options/yargs-options.js';
import { readText } from '../train/read-text.js';
import { openTrainedModel } from '../trained-model.js';
import type { TrainedModel } from '../trained-model.js';
import { formatCount } from '../views/format.js';
import type { CommandBody } from './command-body.js';

/** Mean loss over all windows of a text, in nats a character. */
function meanLoss({ model, config, checkpoint }: TrainedModel, ids: Int32Array): { loss: number; characters: number } {
  const { batchSize, sequenceLength } = config;
  const windowCount = countWindows(ids.length, sequenceLength, 'text');
  const sums: number[] = [];
  let characters = 0;
  for (let first = 0; first < windowCount; first += batchSize) {
    const rows = Math.min(batchSize, windowCount - first);
    const windows = Int32Array.from({ length: rows }, (_, row) => first + row);
    const batch = cutRows(ids, windows, 0, rows, sequenceLength);
    const part = model.loss(checkpoint.weights, batch, rows, sequenceLength);
    sums.push(part.lossSum);
    characters += part.characters;
  }
  return { loss: sumScalars(sums) / characters, characters };
}

export const evaluateCommand: CommandBody = {
  builder: (cli) =>
    cli.options(yargsOptions(EVALUATE_OPTIONS)).example('$0 evaluate --checkpoint runs/mine --text other.txt', ''),
  handler: async (argv) => {
    const values = await gatherValues(EVALUATE_OPTIONS, argv, process.env);
    const path = required(values.checkpoint, 'checkpoint');
    const { text } = await readText(required(values.text, 'text'));
    const trained = await openTrainedModel(
      path,
      values.engine ?? EVALUATE_OPTIONS.engine.default,
      values.device ?? EVALUATE_OPTIONS.device.default,
    );
    const ids = trained.vocabulary.encode(text);
    const { loss, characters } = meanLoss(trained, ids);
    const unknown = ids.reduce((count, id) => (id === 0 ? count + 1 : count), 0);
    const result = {
      checkpoint: trained.checkpoint.path,
      loss,
      perplexity: Math.exp(loss),
      bits: loss / Math.LN2,
      characters,
      unknown,
    };
    if (values.json === true) {
      process.stdout.write(`${JSON.stringify(result)}\n`);
      return;
    }
    const units = `${result.bits.toFixed(4)} bits, perplexity ${result.perplexity.toFixed(3)}`;
    const extent = `${formatCount(characters)} characters, ${formatCount(unknown)} of the text unknown to the model`;
    process.stdout.write(`loss ${loss.toFixed(4)} nats a character (${units}) over ${extent}\n`);
  },
};
