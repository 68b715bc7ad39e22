import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson } from './strict-json.js';

describe('parseStrictJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(fc.property(fc.json(), fc.nat(2), (text, indent) => {
      const value: unknown = JSON.parse(text);
      const written = JSON.stringify(value, null, indent);
      const hasForbiddenKey = /"(?:__proto__|constructor|prototype)"\s*:/.test(written);
      if (hasForbiddenKey) expect(parseStrictJson(written)).toHaveProperty('problem');
      else expect(parseStrictJson(written)).toEqual({ value });
    }));
  });

  it.each([
    ['{"a":1,"a":2}', 'the key "a" appears twice'],
    ['{"a":{"b":[{"c":1,"c":1}]}}', 'the key "c" appears twice'],
    ['{"a":1,"\\u0061" : 2}', 'the key "a" appears twice'],
    ['{"__proto__":1}', 'the key __proto__ is not allowed'],
    ['{"a":{"\\u005f_proto__":1}}', 'the key __proto__ is not allowed'],
    ['{"constructor":1}', 'the key constructor is not allowed'],
    ['{"a":1', 'it is not JSON'],
    ['', 'it is not JSON'],
    ['['.repeat(1 << 20), 'it is not JSON'],
  ])('refuses %.40s', (text, problem) => {
    expect(parseStrictJson(text)).toEqual({ problem });
  });

  it('allows equal keys in different objects, and strings that only look like keys', () => {
    const text = '{"a":{"x":1},"b":{"x":2},"c":["a","a","{\\"a\\":1,\\"a\\":2}"],"d":"\\\\"}';
    expect(parseStrictJson(text)).toEqual({ value: JSON.parse(text) as unknown });
  });
});
