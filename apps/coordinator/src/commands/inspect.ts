/** `lockstep inspect`: what a checkpoint or a run directory holds, checked bit by bit. */
import { listCheckpoints, readCheckpoint } from '@lockstep/checkpoint';
import { configFingerprint, parseRunConfig } from '@lockstep/config';
import type { CommandModule } from 'yargs';
import { warnPassedOver } from '../passed-over.js';
import { formatCount, formatLoss } from '../views/format.js';
import { renderTable } from '../views/table.js';

export const inspectCommand: CommandModule = {
  command: 'inspect <directory>',
  describe: 'Show and verify a checkpoint, or the last good one of a run',
  builder: (cli) =>
    cli
      .positional('directory', { type: 'string', demandOption: true, describe: 'Checkpoint folder or run directory' })
      .option('json', { type: 'boolean', default: false, describe: 'Print one JSON object' }),
  handler: async (argv) => {
    const directory = String(argv['directory']);
    const checkpoint = await readCheckpoint(directory, { onPassedOver: warnPassedOver });
    const config = parseRunConfig(checkpoint.config, checkpoint.path);
    const { path, step, epoch, loss, weightsSha256, layout, optimizer, vocabulary } = checkpoint;
    const facts = {
      path,
      step,
      epoch,
      loss,
      weightsSha256,
      fingerprint: configFingerprint(config),
      parameters: layout.length,
      optimizer: { name: optimizer.name, steps: optimizer.steps },
      vocabulary: vocabulary.length + 1,
      config,
      tensors: layout.entries.map(({ name, shape }) => ({ name, shape })),
      checkpoints: await listCheckpoints(directory),
    };
    if (argv['json'] === true) {
      process.stdout.write(`${JSON.stringify(facts)}\n`);
      return;
    }
    const rows = [
      ['checkpoint', path],
      ['step', `${formatCount(step)}, epoch ${epoch + 1}`],
      ['loss', loss === null ? '-' : `${formatLoss(loss)} nats a character`],
      ['weights', `${formatCount(layout.length)}, SHA-256 ${weightsSha256} (verified)`],
      ['optimizer', `${optimizer.name} after ${formatCount(optimizer.steps)} updates`],
      ['text', `${config.text.sources.join(', ')}, ${config.vocabularySize} ids`],
      ['config', `fingerprint ${facts.fingerprint}`],
    ];
    const tensors = layout.entries.map(({ name, shape }) => [name, `[${shape.join(', ')}]`]);
    process.stdout.write(`${renderTable(rows)}\n\n${renderTable([['tensor', 'shape'], ...tensors])}\n`);
  },
};
