/**
 * Rules about the text of one file. Each takes a file and returns what it found, as `path:line: finding`; which
 * files a rule looks at is part of the rule.
 */
import type { TextFile } from './repository.js';

export type TextRule = (file: TextFile) => string[];

const LINES_MAX = 400;
const COLUMNS_MAX = 120;

const isCode = (path: string): boolean => /\.(ts|mjs|js|py|sh)$/.test(path) || path === '.ci/run';
/** The rules and their samples hold what the rules forbid. */
const isTidyItself = (path: string): boolean => path.startsWith('test/tidy/');

/** A rule that looks at one line at a time; `find` returns what is wrong with the line, if anything. */
function lineRule(applies: (path: string) => boolean, find: (line: string) => string | undefined): TextRule {
  return ({ path, text }) => {
    if (!applies(path)) return [];
    return text.split('\n').flatMap((line, index) => {
      const finding = find(line);
      return finding === undefined ? [] : [`${path}:${index + 1}: ${finding}`];
    });
  };
}

export const fileLength: TextRule = ({ path, text }) => {
  const lineCount = text.split('\n').length - 1;
  return isCode(path) && lineCount > LINES_MAX ? [`${path}: ${lineCount} lines, at most ${LINES_MAX}`] : [];
};

export const lineLength = lineRule(isCode, (line) =>
  line.length > COLUMNS_MAX ? `${line.length} columns, at most ${COLUMNS_MAX}` : undefined,
);

const leftovers = /\b(TODO|FIXME|XXX|HACK)\b/;
const focused = /\b(it|test|describe|suite)\.only\(/;
const skipped = /\b(it|test|describe|suite)\.(skip|todo)\(/;

/**
 * Nothing unfinished, nothing focused; a test that is always left out says why on the same line. One left out under a
 * condition is named, with the condition, at the end of `npm test`.
 */
export const marks = lineRule(
  (path) => !isTidyItself(path) && (isCode(path) || /\.(md|ya?ml|json)$/.test(path)) && path !== 'package-lock.json',
  (line) => {
    const mark = leftovers.exec(line) ?? focused.exec(line);
    if (mark !== null) return `left-over ${mark[0]}`;
    return skipped.test(line) && !/\/\/\s*\S+/.test(line) ? 'test left out without a reason on the line' : undefined;
  },
);

const isComment = (line: string): boolean => /^\s*(\*|\/\/|\/\*)/.test(line);

/** Ways around the compiler and the linter need their reason on the same line. */
export const escapes = lineRule(
  (path) => !isTidyItself(path) && /\.(ts|mjs|js)$/.test(path),
  (line) => {
    if (!isComment(line)) {
      const cast = /\bas any\b|\bas unknown as\b/.exec(line);
      if (cast !== null && !/\/\/\s*\S+/.test(line)) return `${cast[0]} without a reason on the line`;
    }
    if (/@ts-(ignore|nocheck)/.test(line)) return 'use @ts-expect-error with a reason';
    if (/@ts-expect-error\s*(\*\/)?$/.test(line)) return '@ts-expect-error without a reason on the line';
    return /eslint-disable/.test(line) && !/ -- \S+/.test(line) ? 'eslint-disable without `-- reason`' : undefined;
  },
);

/** Paths of one machine: they work for their author only. Containers in `deploy/` have their own. */
export const machinePaths = lineRule(
  (path) => !/^(test|deploy)\/|\.spec\.ts$|^package-lock\.json$/.test(path),
  (line) => {
    const path = /(?<![\w.}-])\/(work|root|tmp|home)\//.exec(line);
    return path === null ? undefined : `a path of one machine: ${path[0]}`;
  },
);

/** Package registries: which one to use is a setting of the machine. */
export const registryHosts = lineRule(
  (path) => !isTidyItself(path),
  (line) => {
    const host = /\b(npmjs\.(org|com)|yarnpkg\.com|pypi\.org|pythonhosted\.org|deb\.debian\.org)\b/.exec(line);
    return host === null ? undefined : `a registry host: ${host[0]}`;
  },
);

/** Each file begins with its idea. */
export const openingComment: TextRule = ({ path, text }) => {
  if (!isCode(path) || /(^|\/)index\.ts$|\.spec\.ts$/.test(path)) return [];
  const body = text.replace(/^#!.*\n/, '');
  const opening = /\.(ts|mjs|js)$/.test(path) ? '/**' : '#';
  const opens = body.startsWith(opening) || (path.endsWith('.py') && /^[ru]?"""/.test(body));
  return opens ? [] : [`${path}: does not open with a comment that tells its idea (${opening})`];
};
