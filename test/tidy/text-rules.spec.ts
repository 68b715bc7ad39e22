import { describe, expect, it } from 'vitest';
import { textFiles } from './repository.js';
import * as rules from './text-rules.js';

/** Text files only: what else is tracked has no lines. */
const files = textFiles(/(^|\/)(Dockerfile|LICENSE|run|\.\w+)$|\.(ts|mjs|js|json|md|txt|ya?ml|py|sh|conf|rules)$/);

interface Case {
  readonly rule: rules.TextRule;
  readonly says: string;
  /** Each must be found once. */
  readonly offenders: readonly [path: string, text: string][];
  readonly innocents: readonly [path: string, text: string][];
}

const cases: Case[] = [
  {
    rule: rules.fileLength,
    says: 'files have at most 400 lines',
    offenders: [['libs/a/src/a.ts', 'x\n'.repeat(401)], ['tools/a.py', 'x\n'.repeat(401)]],
    innocents: [['libs/a/src/a.ts', 'x\n'.repeat(400)], ['package-lock.json', 'x\n'.repeat(401)]],
  },
  {
    rule: rules.lineLength,
    says: 'lines of code have at most 120 columns',
    offenders: [['libs/a/src/a.ts', 'x'.repeat(121)]],
    innocents: [['libs/a/src/a.ts', 'x'.repeat(120)], ['README.md', 'x'.repeat(200)]],
  },
  {
    rule: rules.marks,
    says: 'nothing is left unfinished, focused or silently left out',
    offenders: [
      ['libs/a/src/a.ts', '// TODO later'],
      ['docs/a.md', 'FIXME'],
      ['test/a.spec.ts', "it.only('a', () => {});"],
      ['test/a.spec.ts', "describe.skip('a', () => {});"],
      ['test/a.spec.ts', "it.skip('a', () => {});"],
    ],
    innocents: [
      ['test/a.spec.ts', "it.skip('a', () => {}); // the peer has no such call"],
      ['test/a.spec.ts', "context.skip('needs a GPU');"],
      ['libs/a/src/a.ts', 'const mastodon = skip(3);'],
    ],
  },
  {
    rule: rules.escapes,
    says: 'a way around the compiler or the linter has its reason beside it',
    offenders: [
      ['libs/a/src/a.ts', 'const a = b as any;'],
      ['libs/a/src/a.ts', 'const a = b as unknown as C;'],
      ['libs/a/src/a.ts', '// @ts-ignore because'],
      ['libs/a/src/a.ts', '// @ts-expect-error'],
      ['libs/a/src/a.ts', '// eslint-disable-next-line eqeqeq'],
    ],
    innocents: [
      ['libs/a/src/a.ts', 'const a = b as unknown as C; // the declaration of the package is wrong'],
      ['libs/a/src/a.ts', '// as any reader knows'],
      ['libs/a/src/a.ts', '// @ts-expect-error the declaration lacks this overload'],
      ['libs/a/src/a.ts', '// eslint-disable-next-line eqeqeq -- null and undefined mean the same here'],
    ],
  },
  {
    rule: rules.machinePaths,
    says: 'no path belongs to one machine',
    offenders: [['libs/a/src/a.ts', "open('/work/main/a')"], ['README.md', 'cd /root/a'], ['tools/a.sh', 'ls /tmp/a']],
    innocents: [['test/a.spec.ts', '/tmp/a'], ['libs/a/src/a.ts', "import './work/a.js'"], ['README.md', 'runs/tmp/a']],
  },
  {
    rule: rules.registryHosts,
    says: 'no file names a package registry',
    offenders: [['package-lock.json', '"resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz"']],
    innocents: [['package-lock.json', '"resolved": "libs/data"']],
  },
  {
    rule: rules.openingComment,
    says: 'files open with their idea',
    offenders: [['libs/a/src/a.ts', "import 'b';"], ['apps/a/bin/a.mjs', "#!/usr/bin/env node\nimport 'b';"]],
    innocents: [
      ['libs/a/src/a.ts', '/**\n * Idea.\n */'],
      ['libs/a/src/index.ts', "export * from './a.js';"],
      ['test/a.py', '#!/usr/bin/env python3\n"""Idea."""'],
      ['tools/a.sh', '#!/usr/bin/env bash\n# Idea.'],
    ],
  },
];

describe.each(cases)('$says', ({ rule, offenders, innocents }) => {
  it.each(offenders)('finds an offender in %s: %j', (path, text) => {
    expect(rule({ path, text })).toEqual([expect.stringContaining(path)]);
  });

  it.each(innocents)('leaves %s alone: %j', (path, text) => {
    expect(rule({ path, text })).toEqual([]);
  });

  it('in the whole repository', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(rule)).toEqual([]);
  });
});
