/** `lockstep inspect`: what a checkpoint or a run directory holds, checked bit by bit. */
import { listCheckpoints, readCheckpoint, readHistory, runPaths } from '@lockstep/checkpoint';
import { configFingerprint, parseRunConfig } from '@lockstep/config';
import { existsSync } from 'node:fs';
import { warnPassedOver } from '../passed-over.js';
import { formatCount, formatLoss } from '../views/format.js';
import { renderTable } from '../views/table.js';
import type { CommandBody } from './command-body.js';

interface JournalFacts {
  readonly steps: number;
  readonly lastLoss: number | null;
  /** Lives of the coordinator. */
  readonly terms: number;
  /** Number of shards, by the first step that was cut so. */
  readonly plans: readonly { readonly fromStep: number; readonly shards: number }[];
  /** A crash left half a line at the end. */
  readonly torn: boolean;
}

/** What the journal of a run directory says; null where there is none, as in a single checkpoint. */
async function inspectJournal(directory: string): Promise<JournalFacts | null> {
  const { journal } = runPaths(directory);
  if (!existsSync(journal)) return null;
  const { steps, lives, plans, tornTail } = await readHistory(journal);
  return {
    steps: steps.length,
    lastLoss: steps.at(-1)?.loss ?? null,
    terms: lives.length,
    plans: plans.map(({ fromStep, shards }) => ({ fromStep, shards: shards.length })),
    torn: tornTail !== null,
  };
}

function journalText({ steps, lastLoss, terms, plans, torn }: JournalFacts): string {
  const loss = lastLoss === null ? '' : `, the last with loss ${formatLoss(lastLoss)}`;
  const lives = terms === 1 ? '' : `, in ${terms} lives of the coordinator`;
  const cuts = plans.map(({ fromStep, shards }) => `${shards} shards from step ${formatCount(fromStep)}`).join(', ');
  return `${formatCount(steps)} committed steps${loss}${lives}; ${cuts}${torn ? '; its last line is torn' : ''}`;
}

export const inspectCommand: CommandBody = {
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
      journal: await inspectJournal(directory),
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
      ...(facts.journal === null ? [] : [['journal', journalText(facts.journal)]]),
    ];
    const tensors = layout.entries.map(({ name, shape }) => [name, `[${shape.join(', ')}]`]);
    process.stdout.write(`${renderTable(rows)}\n\n${renderTable([['tensor', 'shape'], ...tensors])}\n`);
  },
};
