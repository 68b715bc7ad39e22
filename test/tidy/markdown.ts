/**
 * Links of a Markdown page that lead to a place in this repository: the file must be there, and its heading too.
 */
import { posix } from 'node:path';
import type { TextFile } from './repository.js';

/** Text without fenced blocks and inline code, line by line, so that samples are not taken for links or headings. */
function proseLines(text: string): string[] {
  let isFenced = false;
  return text.split('\n').map((line) => {
    if (/^\s*(```|~~~)/.test(line)) {
      isFenced = !isFenced;
      return '';
    }
    return isFenced ? '' : line;
  });
}

/** Anchors of all headings as GitHub makes them: lower case, no punctuation, spaces to dashes, repeats numbered. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of proseLines(text)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const anchor = plain.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/**
 * Links that lead nowhere, as `path:line: target: why`. Links to other hosts are not looked at.
 * @param read the text of a file of the repository, or nothing when there is none; a folder has an empty text
 */
export function brokenLinks({ path, text }: TextFile, read: (path: string) => string | undefined): string[] {
  return proseLines(text).flatMap((line, index) =>
    targetsOf(line.replace(/`[^`]*`/g, '')).flatMap((target) => {
      const why = whyBroken(path, target, read);
      return why === undefined ? [] : [`${path}:${index + 1}: ${target}: ${why}`];
    }),
  );
}

/** Targets of inline links, images, reference definitions and HTML attributes. */
function targetsOf(line: string): string[] {
  const patterns = [/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g, /^\[[^\]]+\]:\s+(\S+)/g, /\b(?:href|src)="([^"]+)"/g];
  return patterns.flatMap((pattern) => [...line.matchAll(pattern)].map((match) => match[1] ?? ''));
}

function whyBroken(from: string, target: string, read: (path: string) => string | undefined): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined;
  const [file = '', anchor] = decodeURI(target).split('#');
  if (file.startsWith('/')) return 'begins at the root of a host';
  const path = file === '' ? from : posix.normalize(posix.join(posix.dirname(from), file));
  const text = read(path);
  if (text === undefined) return 'no such file';
  return anchor === undefined || anchorsOf(text).has(anchor) ? undefined : 'no such heading';
}
