/** A run's event files for TensorBoard, where it was asked for them. */
import { readHistory } from '@lockstep/checkpoint';
import type { EventHub } from '../observe/event-hub.js';
import type { Assignment } from '../supervise/messages.js';
import type { RunDirectory } from '../train/run-directory.js';
import type { DirectoryStore } from '../train/run-store.js';
import { boardFolder } from './board-folder.js';
import { TensorBoard } from './tensor-board.js';

/** Begins to write them, with what there is in the journal already; to be closed before the run ends. */
export function beginTensorBoard(
  { values, runId }: Assignment,
  { path, paths }: RunDirectory,
  store: DirectoryStore,
  view: EventHub,
): TensorBoard | undefined {
  if (values.tensorboard === undefined) return undefined;
  const board = new TensorBoard({
    folder: boardFolder(values.tensorboard, path, runId),
    committed: () => store.journalled,
    readSteps: async () => (await readHistory(paths.journal)).steps,
    warn: (text) => view.show({ event: 'warning', text }),
  });
  view.listen((event) => board.add(event));
  board.begin();
  return board;
}
