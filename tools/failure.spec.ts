import { parseArgs } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { EXIT, explain, printFailure } from './failure.mjs';

describe('the explanation of a failed command', () => {
  it.each([
    ['npm error code ENOTFOUND\nnpm error errno ENOTFOUND', EXIT.unavailable, 'registry cannot be reached'],
    ['npm error code E404\nnpm error 404 Not Found', EXIT.unavailable, 'registry refused'],
    ['npm error code SELF_SIGNED_CERT_IN_CHAIN', EXIT.unavailable, 'certificate'],
    ['npm error code ENOSPC\nno space left on device', EXIT.io, 'disk is full'],
    ['EACCES: permission denied, mkdir', EXIT.io, 'may not be written to'],
    ['npm error code EUSAGE', EXIT.config, 'npm install'],
  ])('knows %j', (output, exitCode, hint) => {
    const failure = explain('npm ci failed', output, 'otherwise');
    expect(failure).toMatchObject({ exitCode, details: output });
    expect(failure.hint).toContain(hint);
  });

  it('says what it was given when it knows nothing better', () => {
    expect(explain('npm ci failed', 'a new kind of trouble', 'otherwise')).toMatchObject({
      exitCode: EXIT.internal,
      hint: 'otherwise',
    });
  });
});

describe('what a tool says last', () => {
  const said = (thrown: unknown): { readonly exitCode: number; readonly text: string } => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    onTestFinished(() => write.mockRestore());
    return { exitCode: printFailure(thrown), text: write.mock.calls.map(([text]) => String(text)).join('') };
  };

  it('is one line for an option that nobody knows', () => {
    let thrown: unknown;
    try {
      parseArgs({ args: ['--what'], options: {} });
    } catch (error) {
      thrown = error;
    }
    const { exitCode, text } = said(thrown);
    expect(exitCode).toBe(EXIT.usage);
    expect(text).toMatch(/^lockstep: Unknown option '--what'; the first lines of tools\/\S+ say what it takes\n$/);
  });

  it('is a stack for what nobody has thought of', () => {
    const { exitCode, text } = said(new TypeError('what'));
    expect(exitCode).toBe(EXIT.internal);
    expect(text).toContain('TypeError: what\n    at ');
  });
});
