/**
 * `npm run dashboards`: writes the dashboards of Grafana from deploy/grafana/src, which Node cannot load by itself.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runnerImport } from 'vite';
import { root } from './stamps.mjs';

const FOLDER = join(root, 'deploy/grafana');

/** @type {{ module: typeof import('../deploy/grafana/src/dashboards.js') }} */
const { module } = await runnerImport(join(FOLDER, 'src/dashboards.ts'), { logLevel: 'error' });
for (const [name, text] of Object.entries(module.dashboardFiles())) {
  writeFileSync(join(FOLDER, 'dashboards', name), text);
}
