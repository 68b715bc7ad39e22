/**
 * Where a run can be looked at: one small HTTP server of its coordinator. It is bound before the run is opened, so
 * that a port that cannot be had leaves nothing behind, and at the same port in every life of the coordinator, so that
 * pages and scrapers find it again.
 */
import { setOrDefault, toLockstepError } from '@lockstep/config';
import type { OptionValues, TrainOptions } from '@lockstep/config';
import { plain, serveHttp } from '@lockstep/metrics';
import type { HttpServer } from '@lockstep/metrics';
import { setTimeout as delay } from 'node:timers/promises';

/** Next to Prometheus' own exporters, and free among them. */
const USUAL_PORT = 9_580;
/** A socket of the life before may hold the port for a moment. */
const BIND_AGAIN_MS = 5_000;
const BIND_EVERY_MS = 100;

/**
 * @param before the port of the life before; null for the first one
 * @returns null when nobody may look
 * @throws LockstepError `unavailable` when the port asked for is taken
 */
export async function openObservatory(
  values: OptionValues<TrainOptions>,
  before: number | null,
): Promise<HttpServer | null> {
  if (setOrDefault(values, 'noMetrics')) return null;
  const host = setOrDefault(values, 'metricsHost');
  const bind = (port: number): Promise<HttpServer> => serveHttp({ host, port, routes: UNREADY, meanwhile: OPENING });
  // Looking is no part of the run: one that goes on does not end because its page has moved.
  if (before !== null) return (await bindAgain(bind, before)) ?? bind(0);
  if (values.metricsPort !== undefined) return bind(values.metricsPort);
  return (await bindOrNull(bind, USUAL_PORT)) ?? bind(0);
}

/** A page that looks for its next coordinator is told that it is there, and to come again. */
const OPENING = plain(503, 'not ready: the run is being opened\n');

/** Alive is who answers; ready is a coordinator that leads, which replaces the second one. */
const UNREADY = {
  '/healthz': () => plain(200, 'ok\n'),
  '/readyz': () => OPENING,
};

type Bind = (port: number) => Promise<HttpServer>;

async function bindOrNull(bind: Bind, port: number): Promise<HttpServer | null> {
  try {
    return await bind(port);
  } catch (thrown) {
    if (toLockstepError(thrown).kind !== 'unavailable') throw thrown;
    return null;
  }
}

async function bindAgain(bind: Bind, port: number): Promise<HttpServer | null> {
  const deadlineMs = performance.now() + BIND_AGAIN_MS;
  for (;;) {
    const server = await bindOrNull(bind, port);
    if (server !== null || performance.now() > deadlineMs) return server;
    await delay(BIND_EVERY_MS);
  }
}
