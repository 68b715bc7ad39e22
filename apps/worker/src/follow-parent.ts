/**
 * What binds a worker to the process that started it on the same machine: the channel between the two. It must not
 * outlive that process, however that one ends: the channel breaks in any case. The engine may be in the middle of a
 * long native call, so nothing gentler than SIGKILL is sure to work.
 */
/** `reconnect`: the coordinator was started again and can be reached, so look for it now and not after the pause. */
function isReconnect(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'reconnect';
}

export function followParent(reports: { note(what: string): void; reconnect(): void }): void {
  // Ctrl-C on a terminal, and its closing, reach the whole group; what they mean is decided by the parent.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  const die = (): void => {
    reports.note('the process that started this worker is gone');
    process.kill(process.pid, 'SIGKILL');
  };
  // It may have died before we came to look.
  if (!process.connected) die();
  process.on('disconnect', die);
  process.on('message', (message) => {
    if (isReconnect(message)) reports.reconnect();
  });
  // Listening must not keep a worker alive that has nothing left to do.
  process.channel?.unref();
}
