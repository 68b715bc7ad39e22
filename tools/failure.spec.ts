import { describe, expect, it } from 'vitest';
import { EXIT, explain } from './failure.mjs';

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
