/**
 * JSON whose object keys can be trusted. `JSON.parse` lets the last of two equal keys win and makes `__proto__` an
 * own property: two readers of one file could then see two different tensors, so both are refused.
 */

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export type StrictJson = { readonly value: unknown } | { readonly problem: string };

/**
 * Parses JSON text. The problem is one line: broken syntax, a key twice in one object, or a key that names part of a
 * prototype.
 */
export function parseStrictJson(text: string): StrictJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'it is not JSON' };
  }
  const problem = findBadKey(text);
  return problem === null ? { value } : { problem };
}

/** Walks text known to be valid JSON, so only strings and braces need a look. */
function findBadKey(text: string): string | null {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '{') open.push(new Set());
    else if (character === '}') open.pop();
    else if (character === '"') {
      const end = closingQuote(text, at);
      if (isKey(text, end)) {
        const key = String(JSON.parse(text.slice(at, end + 1)));
        const keys = open.at(-1);
        if (FORBIDDEN_KEYS.has(key)) return `the key ${key} is not allowed`;
        if (keys?.has(key)) return `the key ${JSON.stringify(key.slice(0, 80))} appears twice`;
        keys?.add(key);
      }
      at = end;
    }
  }
  return null;
}

function closingQuote(text: string, openingQuote: number): number {
  let at = openingQuote + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

/** In valid JSON only a key is followed by a colon. */
function isKey(text: string, end: number): boolean {
  let at = end + 1;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at += 1;
  return text[at] === ':';
}
