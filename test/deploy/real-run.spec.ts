/**
 * A real Prometheus, started by `lockstep monitor`, beside a real run whose worker and whose coordinator are killed:
 * all that dashboards and records ask for is there.
 */
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LockstepProcess, lockstep, readJson, temporaryFolder, tinyRun, waitFor } from '../cluster/lockstep-process.js';
import { dashboardExpressions, filledIn, records, variableQueries } from './deployed.js';
import { withoutPrometheus } from './programs.js';
import { PrometheusApi } from './prometheus-api.js';

/** Some scrapes, one a second, must fit in even when the machine is busy. */
const WINDOWS = { rate: '15s', range: '5m' };

interface RunningRun {
  readonly runId: string;
  readonly metrics: string | null;
  readonly coordinator: { readonly pid: number };
  readonly workers: readonly { readonly pid: number; readonly state: string }[];
}

/** How a run stands, once it computes. */
async function computing(run: string): Promise<RunningRun> {
  return waitFor('a run that computes', () => {
    try {
      const file = readJson(run, 'run.json');
      return file['state'] === 'running' && Number(file['step']) > 0 && (file as object as RunningRun);
    } catch {
      return false;
    }
  });
}

async function monitor(...args: readonly string[]): Promise<{ process: LockstepProcess; api: PrometheusApi }> {
  const process = new LockstepProcess(['monitor', ...args, '--interval', '1']);
  const url = await waitFor('the link of the monitor', () => {
    if (process.child.exitCode !== null) throw new Error(process.stderr);
    return /queries +(\S+)\/graph/.exec(process.stdout)?.[1];
  });
  return { process, api: new PrometheusApi(url) };
}

async function emptyAnswers(run: string, api: PrometheusApi, fromSeconds: number): Promise<readonly string[]> {
  const expressions = [
    ...dashboardExpressions,
    ...records.map(({ record = '' }) => [record, record] as const),
    ...records.map(({ record = '', expr }) => [`what ${record} is made of`, expr] as const),
  ];
  const empty: string[] = [];
  for (const [where, text] of expressions) {
    const series = await api.range(filledIn(text, run, WINDOWS), fromSeconds, Date.now() / 1000);
    if (series.length === 0) empty.push(`${where}: ${text}`);
  }
  for (const [where, selector, label] of variableQueries) {
    const values = await api.labelValues(filledIn(selector, run, WINDOWS), label);
    if (values.length === 0) empty.push(where);
  }
  return empty;
}

describe('a Prometheus beside a run', () => {
  it('answers all that dashboards ask, over the deaths of a worker and of the coordinator', async (context) => {
    context.skip(withoutPrometheus !== null, withoutPrometheus ?? '');
    const fromSeconds = Date.now() / 1000;
    const options = ['--steps', '1000000', '--workers', '2', '--topology', 'star', '--checkpoint-every', '2s'];
    const watched = ['--metrics-port', '0', '--validation-fraction', '0.2', '--deadline', '2100-01-01T00:00:00Z'];
    const { run, args } = tinyRun(...options, ...watched, '--quiet');
    const train = new LockstepProcess(args);
    const { runId, workers } = await computing(run);
    const { process: watching, api } = await monitor(run, '--port', '0');
    await api.reaches('count_over_time(lockstep_steps_total[1m])', 3);
    process.kill(workers[0]?.pid ?? 0, 'SIGKILL');
    await api.reaches('lockstep_faults_total{kind="worker-lost"}', 1);
    await api.reaches('lockstep_workers{state="ready"}', 2);
    process.kill((await computing(run)).coordinator.pid, 'SIGKILL');
    await api.reaches('lockstep_term', 2);
    await api.reaches('count_over_time(run:lockstep_steps_remaining:seconds15m[5m])', 2);
    await api.reaches('count(lockstep_loss_nats)', 2);

    expect(await emptyAnswers(runId, api, fromSeconds)).toEqual([]);
    const rules = await api.rules();
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    for (const { record = '' } of records) {
      const [series] = await api.range(record, fromSeconds, Date.now() / 1000);
      const labels = Object.keys(series?.metric ?? {}).filter((label) => label !== '__name__');
      expect(labels.sort(), record).toEqual(record.slice(0, record.indexOf(':')).split('_').sort());
    }

    train.child.kill('SIGINT');
    expect((await train.end()).code).toBe(0);
    await waitFor('word of the end', () => watching.stdout.includes('the run has ended'));
    const resumed = new LockstepProcess(['train', '--resume', run, '--metrics-port', '0', '--quiet']);
    const { metrics } = await computing(run);
    const address = new URL(metrics ?? '').host;
    await waitFor('word of the new address', () => watching.stdout.includes(`answers at ${address} now`));
    await api.reaches(`count_over_time(lockstep_steps_total{instance="${address}"}[1m])`, 2);
    resumed.child.kill('SIGINT');
    expect((await resumed.end()).code).toBe(0);
    watching.child.kill('SIGINT');
    expect(await watching.end()).toMatchObject({ code: 0, stderr: '' });
    await expect(api.value('up')).rejects.toThrow();
  });
});

describe('lockstep monitor', () => {
  it('watches a target by itself, and ends by Ctrl-C with the Prometheus that it started', async (context) => {
    context.skip(withoutPrometheus !== null, withoutPrometheus ?? '');
    const { process: watching, api } = await monitor('--target', '127.0.0.1:9', '--port', '0');
    await api.reaches('1 - up{instance="127.0.0.1:9"}', 1);
    expect(watching.stdout).toContain('forgotten at the end');
    expect(watching.stdout).toMatch(/deploy\/grafana\/dashboards\/run\.json\n/);
    watching.child.kill('SIGTERM');
    expect(await watching.end()).toMatchObject({ code: 0, stderr: '' });
    await expect(api.value('up')).rejects.toThrow();
  });

  it('takes its Prometheus along when it is killed, and leaves a folder to one at a time', async (context) => {
    context.skip(withoutPrometheus !== null, withoutPrometheus ?? '');
    const { run, args } = tinyRun('--steps', '1000000', '--workers', '1', '--metrics-port', '0', '--quiet');
    const train = new LockstepProcess(args);
    await computing(run);
    const { process: first, api } = await monitor(run, '--port', '0');
    const second = await lockstep(['monitor', run, '--port', '0']);
    expect(second.code).toBe(73);
    expect(second.stderr).toContain(`monitor/lock.json is held by process ${first.pid}`);
    first.child.kill('SIGKILL');
    await api.falls();
    const third = await monitor(run, '--port', '0');
    await third.api.reaches('up', 1);
    third.process.child.kill('SIGINT');
    expect((await third.process.end()).code).toBe(0);
    train.child.kill('SIGINT');
    expect((await train.end()).code).toBe(0);
  });

  it('says what to do when there is no Prometheus, or its port is taken', async () => {
    const nothing = await lockstep(['monitor', '--target', '127.0.0.1:9'], { env: { PATH: temporaryFolder() } });
    expect(nothing.code).toBe(69);
    expect(nothing.stderr).toMatch(
      /^lockstep: cannot start prometheus: there is none .*; install it .*package prometheus.*\n$/,
    );
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const taken = await lockstep(['monitor', '--target', '127.0.0.1:9', '--port', port]);
    server.close();
    expect(taken.code).toBe(69);
    expect(taken.stderr).toMatch(/^lockstep: port \d+ of this machine is taken; take another --port, or 0 for any\n$/);
  });

  it.each(['9580', 'host', 'http://host:1', 'host:1/metrics'])('refuses a target like %s', async (target) => {
    const { code, stderr } = await lockstep(['monitor', '--target', target]);
    expect(code).toBe(64);
    expect(stderr).toContain(`--target ${target} is no host and port`);
  });
});
