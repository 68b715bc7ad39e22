/** docs/benchmarks.md, from the figures alone: whoever has the JSON can write the page again. */
import { crossovers } from '@lockstep/measure';
import { busyLine, caseRows, figure, ratioText } from './table.js';
import type { Results, SuiteResult } from './results.js';
import { judge, TARGETS } from './targets.js';
import type { Verdict } from './targets.js';

/** Why a target is missed, by its id: the one thing that figures cannot say. */
export type Explanations = Readonly<Record<string, string>>;

const INTRODUCTION = [
  'Every figure comes from interleaved rounds: contestants stay alive as processes, each round lets every one of them',
  'measure once in turn, and they all have the same number of threads. Medians are told with quartiles and range,',
  'ratios as the ratio of medians with the range of the ratios round by round. A contestant that does other work than',
  'the rest is found out: from equal weights and windows, losses must agree to 1e-4.',
];

/** Weights of the tutorial's model. */
const VALUES = 4_022_850;
const WORKERS_MAX = 1024;
const CHUNKS = 16;
/** Ethernet between two machines of one room. */
const NETWORKS = [
  { name: '1 Gbit/s, 0.1 ms a message', link: { alphaSeconds: 1e-4, bytesPerSecond: 125e6 } },
  { name: '10 Gbit/s, 0.03 ms a message', link: { alphaSeconds: 3e-5, bytesPerSecond: 1250e6 } },
];

export function renderDocument({ suites }: Results, explanations: Explanations): string {
  return [
    '# Benchmarks',
    '',
    'Written by `npm run bench -- --write` from the figures in [benchmarks.json](benchmarks.json); do not edit.',
    '',
    ...INTRODUCTION,
    '',
    '## Targets',
    '',
    ...targetLines(suites, explanations),
    '',
    ...suites.flatMap(suiteLines),
    ...paperLines(),
    '## Doing it again',
    '',
    '```',
    'npm run bench                                   # all suites but quality, all peers',
    'npm run bench -- --suite step --peers torch     # one suite, one peer',
    'npm run bench -- --suite quality --text tinyshakespeare.txt',
    'npm run bench -- --quick                        # ratios that need no peer, held against bounds; 3 minutes',
    'npm run bench -- --write                        # and write this page',
    '```',
    '',
    'Peers are installed on demand into the cache folder (`LOCKSTEP_CACHE`), 6 GB in all, most of it CUDA libraries',
    'without which PyTorch for Linux does not load. A peer that cannot be had is a row that says why.',
    '',
  ].join('\n');
}

/** Whether a verdict stands on figures of a machine that did other things too. */
function isDraft({ target, outcome }: Verdict, suites: readonly SuiteResult[]): boolean {
  return outcome !== 'open' && suites.some(({ suite, machine }) => suite === target.suite && machine.isBusy);
}

function targetLines(suites: readonly SuiteResult[], explanations: Explanations): string[] {
  const verdicts = TARGETS.map((target) => judge(target, suites));
  const rows = verdicts.map((verdict) => {
    const { target, outcome, value, ratio } = verdict;
    const mark = isDraft(verdict, suites) ? ' (draft)' : '';
    const spread = ratio === undefined ? '' : `${ratioText(ratio.byRound.min)} - ${ratioText(ratio.byRound.max)}`;
    const told = value === undefined ? '' : ratio === undefined ? figure(value) : ratioText(value);
    return `| ${target.says} | ${outcome === 'missed' ? '**missed**' : outcome}${mark} | ${told} | ${spread} |`;
  });
  const missed = verdicts.filter(({ outcome }) => outcome === 'missed');
  const reasons = missed.map(({ target }) => {
    return `- ${target.says}: ${explanations[target.id] ?? 'no explanation yet.'}`;
  });
  const table = ['| target | | figure | by round |', '|---|---|---|---|', ...rows];
  return reasons.length === 0 ? table : [...table, '', 'Why those that are missed are missed:', '', ...reasons];
}

/** What no machine here can measure: the alpha-beta model of @lockstep/measure. */
function paperLines(): string[] {
  const tables = NETWORKS.flatMap(({ name, link }) => {
    const rows = crossovers(VALUES, link, { workersMax: WORKERS_MAX, chunks: CHUNKS }).map(({ workers, seconds }) =>
      markdownRow([String(workers), ...seconds.map((one) => figure(1000 * one.seconds))]),
    );
    const head = ['workers', 'star', 'mesh', 'star, bfloat16', 'mesh, bfloat16'];
    return ['', `${name}, ms:`, '', markdownRow(head), `|${'---|'.repeat(head.length)}`, ...rows];
  });
  const text = [
    `An all-reduce of ${VALUES.toLocaleString('en')} values by the alpha-beta model with one port a machine; a star`,
    `pipelined in ${CHUNKS} chunks. The coordinator's port carries a star, whose time grows with the workers; that of`,
    'a mesh stays near two gradients over the link until the messages to all others cost more than their bytes.',
  ];
  return ['## All-reduce on paper', '', ...text, ...tables, ''];
}

function suiteLines(result: SuiteResult): string[] {
  const { title, at, command, rounds, threads, waitPolicy, commit, machine, cases, checks } = result;
  const { processor, cores, memoryGiB, instructionSets, governor, system, node } = machine;
  const facts = [
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${instructionSets.join(' ')};`,
    `governor ${governor}; ${system}; Node ${node}.`,
    `${rounds} rounds, ${threads} threads, OMP_WAIT_POLICY: ${waitPolicy}; ${at.slice(0, 16).replace('T', ' ')} UTC,`,
    `commit ${commit}: \`${command}\``,
  ];
  const lines = [`## ${title}`, '', ...facts, ''];
  if (machine.isBusy) lines.push(`**${busyLine(result)}**`, '');
  for (const one of cases) {
    const [head = [], ...rows] = caseRows(one);
    lines.push(`${one.title}, in ${one.unit}${one.isRace ? ' (* speaks for lockstep)' : ''}:`, '');
    lines.push(markdownRow(head), `|${'---|'.repeat(head.length)}`, ...rows.map(markdownRow), '');
  }
  if (checks.length > 0) {
    lines.push(...checks.map(({ what, ok, detail }) => `- ${ok ? 'ok' : '**not ok**'}: ${what} (${detail})`), '');
  }
  return lines;
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
