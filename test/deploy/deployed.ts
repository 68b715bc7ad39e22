/** What stands in deploy/prometheus and deploy/grafana, as tests need it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const PROMETHEUS = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url));
export const GRAFANA = fileURLToPath(new URL('../../deploy/grafana/', import.meta.url));

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export const readYaml = (...path: readonly string[]): unknown => parse(readFileSync(join(PROMETHEUS, ...path), 'utf8'));

const rules: readonly Rule[] = readdirSync(join(PROMETHEUS, 'rules')).flatMap((name) =>
  (readYaml('rules', name) as RuleFile).groups.flatMap((group) => group.rules),
);

export const records = rules.filter(({ record }) => record !== undefined);
export const alerts = rules.filter(({ alert }) => alert !== undefined);

export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly fieldConfig?: { readonly defaults?: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[];
  };
}

export interface DeployedDashboard extends Dashboard {
  readonly file: string;
}

export const dashboards: readonly DeployedDashboard[] = readdirSync(join(GRAFANA, 'dashboards')).map((file) => ({
  file,
  ...(JSON.parse(readFileSync(join(GRAFANA, 'dashboards', file), 'utf8')) as Dashboard),
}));

/** An expression, and where it stands. */
export type Placed = readonly [where: string, expression: string];

/** Every expression of panels and annotations, with Grafana's variables in it. */
export const dashboardExpressions: readonly Placed[] = dashboards.flatMap(({ file, panels, annotations }) => [
  ...panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, refId }): Placed => [`${file}: ${title} ${refId}`, expr]),
  ),
  ...annotations.list.map(({ name, expr }): Placed => [`${file}: marks of ${name}`, expr]),
]);

/** `label_values(selector, label)` of each variable that asks for values. */
export const variableQueries: readonly (readonly [where: string, selector: string, label: string])[] =
  dashboards.flatMap(({ file, templating }) =>
    templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => {
        const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
        return [`${file}: variable ${name}`, selector, label] as const;
      }),
  );

/** An expression as Grafana sends it for one run and all of its workers. */
export function filledIn(
  expression: string,
  run: string,
  windows: { readonly rate: string; readonly range: string },
): string {
  const values = { $__rate_interval: windows.rate, $__range: windows.range, $run: run, $worker: '.*' };
  return Object.entries(values).reduce((text, [name, value]) => text.replaceAll(name, value), expression);
}
