/**
 * Lint rules that hold the design: layers (who may import whom, after the `layer:*` tag in each package.json),
 * purity (a core, driver or compute library touches no clock, timer, process, console or random source), promises
 * that nobody drops, and sizes. `test/tidy/lint.spec.ts` proves that each of them bites.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const root = import.meta.dirname;

// The boundary rule reads nx's cached graph and skips itself when there is none: make it, fresh, before any file is
// linted.
process.env['NX_DAEMON'] = 'false';
process.chdir(root);
await createProjectGraphAsync({ exitOnError: true });

/**
 * Sources of the libraries whose package.json carries one of the layer tags.
 * @param {string[]} layers
 */
function sourcesOf(...layers) {
  return readdirSync(`${root}/libs`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .filter((entry) => {
      /** @type {{ nx: { tags: string[] } }} */
      const manifest = JSON.parse(readFileSync(`${root}/libs/${entry.name}/package.json`, 'utf8'));
      return layers.some((layer) => manifest.nx.tags.includes(`layer:${layer}`));
    })
    .map((entry) => `libs/${entry.name}/src/**/*.ts`);
}

const tests = ['**/*.spec.ts', 'libs/*/src/testing/**', 'test/**/*.ts'];
const outsidePackages = ['zeromq', 'prom-client', 'yargs', 'pino'];
const tensorPackages = ['@tensorflow/*'];

/** Which layer may import which; the folders themselves have no say. */
const layers = {
  core: { mayImport: ['core'], never: [...outsidePackages, ...tensorPackages] },
  driver: { mayImport: ['core'], never: [...outsidePackages, ...tensorPackages] },
  compute: { mayImport: ['core'], never: outsidePackages },
  shell: { mayImport: ['core', 'driver'], never: ['pino'] },
  app: { mayImport: ['core', 'driver', 'compute', 'shell', 'app'], never: [] },
};

const depConstraints = Object.entries(layers).map(([layer, { mayImport, never }]) => ({
  sourceTag: `layer:${layer}`,
  onlyDependOnLibsWithTags: mayImport.map((other) => `layer:${other}`),
  bannedExternalImports: never,
}));

const impureGlobals = [
  ...['process', 'Buffer', 'console', 'globalThis', 'performance', 'crypto', 'Date', 'fetch'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
];

/** Purity: the outside world comes in as events and ports, never by a global or a module of the platform. */
const purity = {
  'no-restricted-globals': [
    'error',
    ...impureGlobals.map((name) => ({ name, message: 'This layer is pure: take it as an event or a port.' })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Math', property: 'random', message: 'Draw from the seeded generator.' },
  ],
  'no-restricted-syntax': [
    'error',
    { selector: 'ImportExpression', message: 'This layer is pure: import at the top, load nothing at run time.' },
    { selector: "MetaProperty[property.name='meta']", message: 'This layer is pure: it does not know where it lies.' },
  ],
};

/**
 * Modules of the platform, by either name, and packages that bring a wire, a terminal or a server along.
 * @param {string[]} packages
 */
const platformModules = (packages) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {
      paths: builtinModules.map((name) => ({ name, message: 'This layer is pure: no modules of the platform.' })),
      patterns: [
        { regex: '^node:', message: 'This layer is pure: no modules of the platform.' },
        { group: packages, message: 'This layer does not reach outside: a shell does.' },
      ],
    },
  ],
});

const typedRules = {
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/consistent-type-imports': 'error',
  '@typescript-eslint/no-base-to-string': 'error',
  '@typescript-eslint/no-for-in-array': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/no-unnecessary-type-assertion': 'error',
  '@typescript-eslint/no-unsafe-argument': 'error',
  '@typescript-eslint/no-unsafe-assignment': 'error',
  '@typescript-eslint/no-unsafe-call': 'error',
  '@typescript-eslint/no-unsafe-member-access': 'error',
  '@typescript-eslint/no-unsafe-return': 'error',
  '@typescript-eslint/only-throw-error': 'error',
  '@typescript-eslint/prefer-promise-reject-errors': 'error',
  '@typescript-eslint/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/switch-exhaustiveness-check': [
    'error',
    { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
  ],
};

export default defineConfig(
  { ignores: ['**/dist/', '**/coverage/', '**/runs/', '.cache/', '.nx/', '**/*.d.ts', '**/*.py'] },
  {
    files: ['**/*.{ts,mjs,js}'],
    extends: [tseslint.configs.base, tseslint.configs.eslintRecommended, tseslint.configs.strict],
    plugins: { '@nx': nx },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'eqeqeq': 'error',
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-unsafe-finally': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@nx/enforce-module-boundaries': ['error', { allow: [], allowCircularSelfDependency: false, depConstraints }],
    },
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: 'test/tsconfig.json', tsconfigRootDir: root } },
    rules: typedRules,
  },
  {
    // What runs in a browser is a program of its own, with the browser's globals and none of Node's.
    files: ['apps/page/src/browser/**/*.ts', 'apps/page/src/main.ts'],
    languageOptions: { parserOptions: { project: 'apps/page/tsconfig.json', tsconfigRootDir: root } },
  },
  {
    files: sourcesOf('core', 'driver'),
    ignores: tests,
    rules: { ...purity, ...platformModules([...outsidePackages, ...tensorPackages]) },
  },
  { files: sourcesOf('compute'), ignores: tests, rules: { ...purity, ...platformModules(outsidePackages) } },
  {
    files: sourcesOf('shell'),
    ignores: tests,
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^@lockstep/runtime(/|$)',
              allowTypeImports: true,
              message: "A shell knows the driver's port types only: use `import type`.",
            },
          ],
        },
      ],
    },
  },
  {
    // A `describe` callback holds all its cases, and a wrong `!` in a test fails that test.
    files: tests,
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    // vitest's asymmetric matchers (`expect.any`, `expect.stringContaining`) are typed as any.
    files: ['**/*.spec.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
);
