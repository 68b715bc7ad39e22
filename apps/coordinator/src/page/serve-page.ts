/** A page that a command serves for as long as its user looks at it. */
import { serveHttp } from '@lockstep/metrics';
import type { Route } from '@lockstep/metrics';

export interface ServedPage {
  readonly routes: Readonly<Record<string, Route>>;
  /** What is told with the link. */
  readonly title: string;
  /** Called before the server ends. */
  readonly close?: () => Promise<void>;
}

/**
 * Serves until Ctrl-C, SIGTERM, or until the terminal is closed.
 * @throws LockstepError `unavailable` when the port asked for is taken
 */
export async function servePage(
  { routes, title, close }: ServedPage,
  at: { readonly host: string; readonly port: number },
): Promise<void> {
  const server = await serveHttp({ ...at, routes, hint: 'give another --port, or none' });
  try {
    process.stdout.write(`${title}: ${server.url} (Ctrl-C ends)\n`);
    await untilInterrupted();
    await close?.();
  } finally {
    await server.close();
  }
}

/** Nothing else keeps the process alive: a server that is only looked at does not. */
async function untilInterrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => undefined, 60_000);
    const end = (): void => {
      clearInterval(alive);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
    process.stdout.once('error', end);
  });
}
