/**
 * The few kinds of panels that the dashboards are made of. Each has a title, a sentence that says how to read it, a
 * unit and its queries; the rest is the same everywhere.
 */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import * as xychart from '@grafana/grafana-foundation-sdk/xychart';

export type Panel = Builder<dashboard.Panel>;

/** An expression, and what its series are called: `{{label}}` is replaced. */
export type Query = readonly [expression: string, legend: string];

export interface PanelText {
  readonly title: string;
  /** How to read it, and when to worry. */
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of 24 columns. */
  readonly width?: number;
  readonly height?: number;
}

/** Values from which on a colour holds; the first holds for everything below the second. */
export type Steps = readonly (readonly [from: number | null, color: string])[];

/** The data source that the user has chosen. */
export const SOURCE = { type: 'prometheus', uid: '$datasource' } as const;
const HEIGHT = 8;
const HALF = 12;

const LETTERS = 'ABCDEFGHIJ';

/** Lines over time. */
export function lines(text: PanelText): timeseries.PanelBuilder {
  return shared(new timeseries.PanelBuilder(), text, 'range')
    .lineWidth(1)
    .fillOpacity(5)
    .showPoints(common.VisibilityMode.Never)
    .legend(legend())
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
}

/** Areas that add up. */
export function areas(text: PanelText): timeseries.PanelBuilder {
  const stacking = new common.StackingConfigBuilder().group('A').mode(common.StackingMode.Normal);
  return lines(text).min(0).fillOpacity(60).lineWidth(0).stacking(stacking);
}

/** Shares that add up to one. */
export function shares(text: Omit<PanelText, 'unit'>): timeseries.PanelBuilder {
  return areas({ ...text, unit: 'percentunit' }).max(1);
}

/** What happens now and then, as bars. */
export function bars(text: PanelText): timeseries.PanelBuilder {
  return areas(text).drawStyle(common.GraphDrawStyle.Bars).fillOpacity(80);
}

/** The latest values, as large numbers. */
export function numbers(text: PanelText): stat.PanelBuilder {
  return shared(new stat.PanelBuilder(), text, 'instant')
    .reduceOptions(lastValue())
    .graphMode(common.BigValueGraphMode.None)
    .colorMode(common.BigValueColorMode.Value)
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds))
    .thresholds(steps([[null, 'text']]));
}

/** Numbers that are good or bad: the whole tile takes the colour. */
export function signals(text: PanelText, colors: Steps): stat.PanelBuilder {
  return numbers(text).colorMode(common.BigValueColorMode.Background).thresholds(steps(colors));
}

/** The latest values side by side, largest first if the query says so. */
export function ranking(text: PanelText): bargauge.PanelBuilder {
  return shared(new bargauge.PanelBuilder(), text, 'instant')
    .min(0)
    .reduceOptions(lastValue())
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic);
}

/** How often values of each size occur, over time; the query gives a rate of buckets. */
export function heat(text: Omit<PanelText, 'unit'>): heatmap.PanelBuilder {
  const yAxis = new heatmap.YAxisConfigBuilder().unit('s').axisPlacement(common.AxisPlacement.Left);
  const color = new heatmap.HeatmapColorOptionsBuilder().mode(heatmap.HeatmapColorMode.Scheme).scheme('Oranges');
  return shared(new heatmap.PanelBuilder(), { ...text, unit: 's' }, 'range', PromQueryFormat.Heatmap)
    .calculate(false)
    .yAxis(yAxis)
    .color(color.steps(32));
}

/** One row a series, with its labels as columns; several queries are merged by the labels that they share. */
export function rows(text: PanelText): table.PanelBuilder {
  return shared(new table.PanelBuilder(), text, 'instant', PromQueryFormat.Table).withTransformation({
    id: 'merge',
    options: {},
  });
}

/** The second query over the first, for instance by step and not by time. */
export function against(text: PanelText): xychart.PanelBuilder {
  return shared(new xychart.PanelBuilder(), text, 'range')
    .mapping(xychart.SeriesMapping.Auto)
    .withTransformation({ id: 'joinByField', options: { byField: 'Time', mode: 'inner' } })
    .withTransformation({ id: 'organize', options: { excludeByName: { Time: true } } });
}

/** Colours by value. */
function steps(colors: Steps): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(colors.map(([value, color]) => ({ value, color })));
}

interface Common<B> extends Panel {
  title(title: string): B;
  description(description: string): B;
  datasource(source: common.DataSourceRef): B;
  unit(unit: string): B;
  span(width: number): B;
  height(height: number): B;
  withTarget(target: DataqueryBuilder): B;
}

function shared<B extends Common<B>>(
  panel: B,
  text: PanelText,
  when: 'range' | 'instant',
  format?: PromQueryFormat,
): B {
  panel.title(text.title).description(text.description).datasource(SOURCE).unit(text.unit);
  panel.span(text.width ?? HALF).height(text.height ?? HEIGHT);
  for (const [index, [expression, name]] of text.queries.entries()) {
    const query = new DataqueryBuilder().refId(LETTERS.charAt(index)).datasource(SOURCE).expr(expression);
    query.legendFormat(name).format(format ?? PromQueryFormat.TimeSeries);
    panel.withTarget(when === 'range' ? query.range() : query.instant());
  }
  return panel;
}

function legend(): common.VizLegendOptionsBuilder {
  return new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.List)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true);
}

function lastValue(): common.ReduceDataOptionsBuilder {
  return new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false);
}
