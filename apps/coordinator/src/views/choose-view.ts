/**
 * Which view fits: JSON for programs, a bar on a terminal, plain lines anywhere else, nothing when asked for quiet.
 */
import type { RunView } from '../train/events.js';
import { CalmView } from './calm-view.js';
import { JsonView } from './json-view.js';
import { PlainView } from './plain-view.js';
import { TerminalView } from './terminal-view.js';

const SILENT: RunView = { show: () => undefined, close: () => undefined };

export function chooseView(options: { readonly json: boolean; readonly quiet: boolean }): RunView {
  const writeLine = (line: string): void => void process.stdout.write(`${line}\n`);
  if (options.json) return new JsonView(writeLine);
  if (options.quiet) return SILENT;
  return new CalmView(process.stdout.isTTY ? new TerminalView(process.stdout) : new PlainView(writeLine));
}
