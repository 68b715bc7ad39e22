/**
 * What `lockstep monitor` tells Prometheus: a configuration with the rules of deploy/prometheus, and the target in a
 * file of its own, which Prometheus watches. JSON is YAML too, and needs no care about quotes.
 */
import { toLockstepError, LockstepError } from '@lockstep/config';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder deploy/ of this installation. */
const DEPLOY = fileURLToPath(new URL('../../../../deploy/', import.meta.url));

/** Files to import into Grafana. */
export const DASHBOARDS = ['run.json', 'cluster.json'].map((name) => join(DEPLOY, 'grafana', 'dashboards', name));

export interface MonitorFiles {
  readonly config: string;
  readonly data: string;
  readonly targets: string;
}

/**
 * Writes the configuration into a folder, which is made if it is missing.
 * @param target host and port
 * @throws LockstepError 'io'
 */
export async function writeSettings(folder: string, target: string, intervalSeconds: number): Promise<MonitorFiles> {
  const absolute = resolve(folder);
  const files = {
    config: join(absolute, 'prometheus.json'),
    data: join(absolute, 'data'),
    targets: join(absolute, 'targets.json'),
  };
  const interval = `${Math.round(intervalSeconds * 1000)}ms`;
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ['recording.yml', 'alerts.yml'].map((name) => join(DEPLOY, 'prometheus', 'rules', name)),
    scrape_configs: [{ job_name: 'lockstep', file_sd_configs: [{ files: [files.targets] }] }],
  };
  try {
    await mkdir(files.data, { recursive: true });
    await replace(files.config, config);
    await writeTarget(files, target);
  } catch (cause) {
    const what = `cannot write into ${absolute}: ${toLockstepError(cause).message}`;
    throw new LockstepError('io', what, 'make room, or see who may write there', { cause });
  }
  return files;
}

/** Names another target; Prometheus takes it within seconds. */
export async function writeTarget({ targets }: MonitorFiles, target: string): Promise<void> {
  await replace(targets, [{ targets: [target] }]);
}

/** Whoever reads the file meanwhile sees the old text or the new one. */
async function replace(path: string, content: unknown): Promise<void> {
  const next = `${path}.next`;
  await writeFile(next, `${JSON.stringify(content, null, 2)}\n`);
  await rename(next, path);
}
