/** docs/benchmarks.md, from the figures alone: whoever has the JSON can write the page again. */
import { busyLine, caseRows, figure, ratioText } from './table.js';
import type { Results, SuiteResult } from './results.js';
import { judge, TARGETS } from './targets.js';
import type { Verdict } from './targets.js';

/** Why a target is missed, by its id: the one thing that figures cannot say. */
export type Explanations = Readonly<Record<string, string>>;

export function renderDocument({ suites }: Results, explanations: Explanations): string {
  const verdicts = TARGETS.map((target) => judge(target, suites));
  return [
    '# Benchmarks',
    '',
    'Written by `npm run bench -- --write` from the figures in [benchmarks.json](benchmarks.json); do not edit.',
    '',
    'Every figure comes from interleaved rounds: contestants stay alive as processes, each round lets every one of them',
    'measure once in turn, and they all have the same number of threads. Medians are told with quartiles and range, ratios as',
    'the ratio of medians with the range of the ratios round by round. A contestant that does other work than the rest is',
    'found out: from equal weights and windows, losses must agree to 1e-4.',
    '',
    '## Targets',
    '',
    ...targetLines(verdicts, explanations),
    '',
    ...suites.flatMap(suiteLines),
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
    'Peers are installed on demand into the cache folder (`LOCKSTEP_CACHE`), 6 GB in all, most of it CUDA libraries without',
    'which PyTorch for Linux does not load. A peer that cannot be had is a row that says why.',
    '',
  ].join('\n');
}

function targetLines(verdicts: readonly Verdict[], explanations: Explanations): string[] {
  const rows = verdicts.map(({ target, outcome, value, ratio }) => {
    const spread = ratio === undefined ? '' : `${ratioText(ratio.byRound.min)} - ${ratioText(ratio.byRound.max)}`;
    const told = value === undefined ? '' : ratio === undefined ? figure(value) : ratioText(value);
    return `| ${target.says} | ${outcome === 'missed' ? '**missed**' : outcome} | ${told} | ${spread} |`;
  });
  const missed = verdicts.filter(({ outcome }) => outcome === 'missed');
  const reasons = missed.map(({ target }) => {
    return `- ${target.says}: ${explanations[target.id] ?? 'no explanation yet.'}`;
  });
  const table = ['| target | | figure | by round |', '|---|---|---|---|', ...rows];
  return reasons.length === 0 ? table : [...table, '', 'Why those that are missed are missed:', '', ...reasons];
}

function suiteLines(result: SuiteResult): string[] {
  const { title, at, command, rounds, threads, waitPolicy, commit, machine, cases, checks } = result;
  const { processor, cores, memoryGiB, instructionSets, governor, system, node } = machine;
  const facts = [
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${instructionSets.join(' ')}; governor ${governor}; ${system}; Node ${node}.`,
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
