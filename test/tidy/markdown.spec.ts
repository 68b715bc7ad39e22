import { describe, expect, it } from 'vitest';
import { anchorsOf, brokenLinks } from './markdown.js';
import { readText, textFiles, trackedPaths } from './repository.js';

/** A file as a reader of the repository finds it. */
function read(path: string): string | undefined {
  const plain = path.replace(/\/$/, '');
  if (trackedPaths.includes(plain)) return readText(plain);
  return plain === '.' || trackedPaths.some((tracked) => tracked.startsWith(`${plain}/`)) ? '' : undefined;
}

describe('anchors', () => {
  it('are made from headings as GitHub makes them', () => {
    const lines = ['# What it is', '## `lockstep train` & more', '## A [link](x.md)'];
    const more = ['```', '# no heading', '```', '## A link', '## It_is 2.0!'];
    const anchors = anchorsOf([...lines, ...more].join('\n'));
    expect([...anchors]).toEqual(['what-it-is', 'lockstep-train--more', 'a-link', 'a-link-1', 'it_is-20']);
  });
});

describe('links', () => {
  const pages: Record<string, string> = { 'docs/a.md': '# One', 'docs/b.md': '# Two', 'README.md': '', docs: '' };
  const broken = (text: string) => brokenLinks({ path: 'docs/a.md', text }, (path) => pages[path]);

  it.each([
    ['[b](c.md)', 'no such file'],
    ['[b](b.md#one)', 'no such heading'],
    ['[b](#two)', 'no such heading'],
    ['[b](/docs/b.md)', 'begins at the root of a host'],
    ['![b](b.png "title")', 'no such file'],
    ['[b]: c.md', 'no such file'],
    ['<img src="c.svg">', 'no such file'],
    ['[README](../../README.md)', 'no such file'],
  ])('are found broken: %s', (text, why) => {
    expect(broken(text)).toEqual([expect.stringMatching(new RegExp(`^docs/a.md:1: .*: ${why}$`))]);
  });

  it.each([
    '[b](b.md#two) and [here](#one)',
    '[README](../README.md) in [docs](../docs)',
    '[elsewhere](https://example.org/c.md#d) or [mail](mailto:a@example.org)',
    '`[b](c.md)` is a sample',
    '```\n[b](c.md)\n```',
  ])('are left alone: %j', (text) => {
    expect(broken(`# One\n${text}`)).toEqual([]);
  });

  it('lead somewhere on every page', () => {
    expect(textFiles(/\.md$/).flatMap((page) => brokenLinks(page, read))).toEqual([]);
  });
});

describe('the change log', () => {
  it('begins with what is not released yet or with the newest version, and dates each version', () => {
    const lines = readText('CHANGELOG.md').split('\n');
    expect(lines[0]).toBe('# Changelog');
    const versions = lines.filter((line) => line.startsWith('## '));
    expect(versions.length).toBeGreaterThan(0);
    const shape = /^## (Unreleased|\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2})$/;
    expect(versions.filter((line) => !shape.test(line))).toEqual([]);
    expect(versions.lastIndexOf('## Unreleased')).toBeLessThanOrEqual(0);
  });
});
