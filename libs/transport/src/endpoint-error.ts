/** What went wrong with an endpoint, in words: of errors that ZeroMQ and the system's own sockets have in common. */
import { LockstepError } from '@lockstep/config';
import { OWN_ADDRESS, inUse, malformed } from './endpoint.js';

/** The errno name of something that a socket threw or rejected with. */
export function errorCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}

/** Says why binding or connecting failed, naming the endpoint. */
export function endpointError(doing: 'bind' | 'connect to', endpoint: string, cause: unknown): LockstepError {
  const code = errorCode(cause);
  const unavailable = (why: string, hint: string): LockstepError =>
    new LockstepError('unavailable', `cannot ${doing} ${endpoint}: ${why}`, hint, { cause });
  switch (code) {
    case 'EADDRINUSE':
      return inUse(endpoint, 'pick another port, or 0 for a free one', cause);
    case 'EADDRNOTAVAIL':
    case 'ENODEV':
      return unavailable('not an address of this machine', OWN_ADDRESS);
    case 'EACCES':
    case 'EPERM':
      return unavailable('permission denied', 'pick a port above 1023 or a folder you can write to');
    case 'ENOENT':
      return unavailable('its folder does not exist', 'make the folder first');
    case 'EINVAL':
    case 'EPROTONOSUPPORT':
      return malformed(endpoint);
    default:
      return unavailable(cause instanceof Error ? cause.message : code, 'check the address');
  }
}
