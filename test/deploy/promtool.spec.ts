/** Configurations and rules as Prometheus itself judges them, and every alert put to the test. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { anchorsOf } from '../tidy/markdown.js';
import { readText } from '../tidy/repository.js';
import { alerts, PROMETHEUS, readYaml } from './deployed.js';
import { promtool, withoutPrometheus } from './programs.js';

interface Tests {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }[];
}

interface Discovery {
  readonly role: string;
  readonly selectors: readonly { readonly role: string; readonly label: string }[];
}

interface Config {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly kubernetes_sd_configs?: readonly Discovery[];
  }[];
}

const folder = mkdtempSync(join(tmpdir(), 'lockstep-promtool-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('promtool', () => {
  beforeEach((context) => context.skip(withoutPrometheus !== null, withoutPrometheus ?? ''));

  it.each([
    [['check', 'config', join(PROMETHEUS, 'prometheus.yml')]],
    [['check', 'rules', '--lint=all', '--lint-fatal', join(PROMETHEUS, 'rules/recording.yml')]],
    [['check', 'rules', '--lint=all', '--lint-fatal', join(PROMETHEUS, 'rules/alerts.yml')]],
    [['test', 'rules', join(PROMETHEUS, 'tests/alerts.yml')]],
  ])('is content: %j', (args) => {
    const { code, output } = promtool(...args);
    expect(output).not.toContain('FAILED');
    expect(code, output).toBe(0);
  });

  it('is content with the configuration for Kubernetes, but for the discovery, which Debian builds without', () => {
    const config = readYaml('kubernetes.yml') as Config;
    const jobs = config.scrape_configs.map(({ kubernetes_sd_configs: _, ...job }) => job);
    const rules = config.rule_files.map((path) => join(PROMETHEUS, path));
    const path = join(folder, 'kubernetes.yml');
    writeFileSync(
      path,
      stringify({ ...config, rule_files: rules, scrape_configs: jobs }, { aliasDuplicateObjects: false }),
    );
    const { code, output } = promtool('check', 'config', path);
    expect(code, output).toBe(0);
  });

  it('finds an alert that does not fire, and one that fires in a near miss', () => {
    const tests = readFileSync(join(PROMETHEUS, 'tests/alerts.yml'), 'utf8').replaceAll('../rules/', `${folder}/`);
    const rules = readFileSync(join(PROMETHEUS, 'rules/alerts.yml'), 'utf8');
    writeFileSync(join(folder, 'tests.yml'), tests);
    writeFileSync(join(folder, 'recording.yml'), readFileSync(join(PROMETHEUS, 'rules/recording.yml'), 'utf8'));
    const spoiled = [
      ['rate15m > 0.3', 'rate15m > 0.5', 'LockstepStraggler'],
      ['rate15m > 0.3', 'rate15m > 0.2', 'LockstepStraggler'],
      ['unless abs(lockstep_loss_nats) < Inf', '> 0', 'LockstepDiverged'],
    ] as const;
    for (const [before, after, alert] of spoiled) {
      writeFileSync(join(folder, 'alerts.yml'), rules.replace(before, after));
      const { code, output } = promtool('test', 'rules', join(folder, 'tests.yml'));
      expect(code).not.toBe(0);
      expect(output).toContain(`alertname: ${alert}`);
    }
  });
});

describe('discovery in Kubernetes', () => {
  it('takes pods by the labels that they carry', () => {
    const jobs = (readYaml('kubernetes.yml') as Config).scrape_configs;
    const selected = jobs.map(({ job_name: job, kubernetes_sd_configs: [one] = [] }) => [
      job,
      one?.role,
      one?.selectors,
    ]);
    const pods = (component: string) => [
      { role: 'pod', label: `app.kubernetes.io/name=lockstep,app.kubernetes.io/component=${component}` },
    ];
    expect(selected).toEqual([
      ['lockstep', 'pod', pods('coordinator')],
      ['lockstep-worker', 'pod', pods('worker')],
    ]);
  });
});

describe('an alert', () => {
  const tests = (readYaml('tests/alerts.yml') as Tests).tests.flatMap((test) => test.alert_rule_test ?? []);

  it.each(alerts)('$alert has a test in which it fires, and says what somebody has to know', (rule) => {
    const firing = tests.filter(({ alertname, exp_alerts: fired }) => alertname === rule.alert && fired.length > 0);
    expect(firing.length).toBeGreaterThan(0);
    expect(['page', 'ticket']).toContain(rule.labels?.['severity']);
    expect(Object.keys(rule.annotations ?? {}).sort()).toEqual(['description', 'runbook_url', 'summary']);
  });

  it.each(alerts)(
    '$alert has a section in the runbook, in which somebody finds what to do',
    ({ alert, annotations }) => {
      const [path = '', anchor = ''] = (annotations?.['runbook_url'] ?? '').split('#');
      const text = readText(path);
      expect(anchorsOf(text)).toContain(anchor);
      const section = text.split(/^## /m).find((one) => one.startsWith(`${alert ?? ''}\n`)) ?? '';
      for (const part of ['What it means', 'First look', 'What to do', 'When to do nothing']) {
        expect(section).toContain(`**${part}.**`);
      }
    },
  );

  it('has its section only as long as there is the alert', () => {
    const sections = [...readText('docs/runbook.md').matchAll(/^## (Lockstep\w+)$/gm)].map(([, name]) => name);
    const names = alerts.map(({ alert = '' }) => alert);
    expect([...sections].sort()).toEqual([...names].sort());
  });
});
