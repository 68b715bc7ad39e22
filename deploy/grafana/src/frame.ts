/** What both dashboards have around their panels: variables, marks for what happened, time range. */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { SOURCE } from './panels.js';
import type { Panel } from './panels.js';

/** A question, and the panels that answer it. */
export interface Row {
  readonly question: string;
  readonly panels: readonly Panel[];
}

interface Frame {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly from: string;
  readonly variables: readonly dashboard.QueryVariableBuilder[];
  readonly rows: readonly Row[];
}

export function frame({ uid, title, description, from, variables, rows }: Frame): dashboard.Dashboard {
  const source = new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');
  const builder = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['lockstep'])
    .timezone('browser')
    .time({ from, to: 'now' })
    .refresh('10s')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(source)
    .link(
      new dashboard.DashboardLinkBuilder('lockstep').type(dashboard.DashboardLinkType.Dashboards).tags(['lockstep']),
    );
  for (const variable of variables) builder.withVariable(variable);
  for (const mark of marks()) builder.annotation(mark);
  for (const { question, panels } of rows) {
    builder.withRow(new dashboard.RowBuilder(question));
    for (const panel of panels) builder.withPanel(panel);
  }
  return builder.build();
}

/** A variable whose values are those of a label; asked anew when the time range changes, for runs end. */
export function labelVariable(name: string, label: string, query: string): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.NumericalAsc);
}

/** Makes a variable take several values, all of them at first. */
export function withAll(variable: dashboard.QueryVariableBuilder): dashboard.QueryVariableBuilder {
  return variable.multi(true).includeAll(true).allValue('.*').current({ text: 'All', value: '$__all' });
}

/**
 * Faults are looked for in windows of a minute, for Prometheus is asked once a minute of the picture: each counts once.
 * Of the other marks the value is the time at which they belong, to the millisecond.
 */
function marks(): dashboard.AnnotationQueryBuilder[] {
  const lives = 'process_start_time_seconds{run=~"$run"} * 1000 and on (run, instance) lockstep_run_active';
  const checkpoints = 'lockstep_last_checkpoint_timestamp_seconds{run=~"$run"} * 1000';
  return [
    mark('Faults', 'red', 'changes(lockstep_faults_total{run=~"$run"}[1m]) > 0', '{{kind}}'),
    mark('Lives of the coordinator', 'purple', lives, 'coordinator begins').useValueForTime(true),
    mark('Checkpoints', 'blue', checkpoints, 'checkpoint').useValueForTime(true),
  ];
}

function mark(name: string, color: string, expression: string, title: string): dashboard.AnnotationQueryBuilder {
  return new dashboard.AnnotationQueryBuilder()
    .name(name)
    .datasource(SOURCE)
    .enable(true)
    .iconColor(color)
    .expr(expression)
    .step('60s')
    .titleFormat(title)
    .textFormat('run {{run}}')
    .tagKeys('run,kind');
}
