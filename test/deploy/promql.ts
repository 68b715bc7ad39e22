/** PromQL as its own grammar reads it: which series an expression selects, and by which labels it groups them. */
import { parser } from '@prometheus-io/lezer-promql';

type Node = ReturnType<typeof parser.parse>['topNode'];

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** The function that gets a range of it, for instance `rate`; null when none does. */
  readonly rangeFunction: string | null;
}

/** Labels that an operator names, with the metrics that it works on. */
export interface Grouping {
  readonly labels: readonly string[];
  readonly metrics: readonly string[];
}

export interface Expression {
  readonly selectors: readonly Selector[];
  readonly groupings: readonly Grouping[];
}

/** @throws Error when it is no PromQL, with the place */
export function readExpression(text: string): Expression {
  const selectors: Selector[] = [];
  const groupings: Grouping[] = [];
  for (const node of descendants(parser.parse(text).topNode)) {
    if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${text}`);
    if (node.name === 'VectorSelector') selectors.push(readSelector(node, text));
    if (node.name === 'GroupingLabels') groupings.push(readGrouping(node, text));
  }
  return { selectors, groupings };
}

function readSelector(node: Node, text: string): Selector {
  const matchers = descendants(node)
    .filter(({ name }) => name === 'UnquotedLabelMatcher')
    .map((matcher) => ({
      label: textOf(matcher.getChild('LabelName'), text),
      operator: textOf(matcher.getChild('MatchOp'), text),
      value: textOf(matcher.getChild('StringLiteral'), text).slice(1, -1),
    }));
  const isRange = node.parent?.name === 'MatrixSelector';
  const call = isRange ? node.parent?.parent?.parent : null;
  const rangeFunction = call?.name === 'FunctionCall' ? textOf(call.getChild('FunctionIdentifier'), text) : null;
  return { metric: textOf(node.getChild('Identifier'), text), matchers, rangeFunction };
}

/** Grandparent of the labels is what is grouped: an aggregation, or an operation with both of its sides. */
function readGrouping(node: Node, text: string): Grouping {
  const whole = node.parent?.parent ?? node;
  const metrics = descendants(whole).filter(({ name }) => name === 'VectorSelector');
  return {
    labels: node.getChildren('LabelName').map((label) => textOf(label, text)),
    metrics: metrics.map((selector) => textOf(selector.getChild('Identifier'), text)),
  };
}

function descendants(node: Node): Node[] {
  const children: Node[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

const textOf = (node: Node | null, text: string): string => (node === null ? '' : text.slice(node.from, node.to));
