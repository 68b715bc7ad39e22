/**
 * Imported before anything else by every tool: ends the process with one line when this Node is too old, instead of
 * with a syntax error from some package. Kept to syntax that old versions parse.
 */
import fs from 'fs';
import { supportsNode } from './node-version.mjs';

const manifest = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const range = manifest.engines.node;
if (!supportsNode(range, process.versions.node)) {
  const need = range.split(' || ').join(' or ');
  process.stderr.write('lockstep: Node ' + process.versions.node + ' cannot run this; install Node ' + need + '\n');
  process.exit(78);
}
