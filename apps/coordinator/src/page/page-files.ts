/**
 * The files of the page, read once: what the compiler made for the browser, the hand-written HTML and style, and
 * uPlot's own script. The list is closed; nothing of a request ever becomes a path.
 */
import { LockstepError } from '@lockstep/config';
import type { Route } from '@lockstep/metrics';
import { PAGE_FOLDER } from '@lockstep/page';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';
const HTML = 'text/html; charset=utf-8';

/**
 * Routes of all files that a page consists of, by path; the page itself is at `/`.
 * @throws LockstepError `internal` when the program was not built
 */
export function pageFiles(page: 'live' | 'compare'): Readonly<Record<string, Route>> {
  try {
    return readFiles(page);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('internal', `the files of the page are missing: ${what}`, 'build with npm run build', {
      cause,
    });
  }
}

function readFiles(page: string): Readonly<Record<string, Route>> {
  const folder = fileURLToPath(PAGE_FOLDER);
  const uplot = dirname(createRequire(PAGE_FOLDER).resolve('uplot/dist/uPlot.iife.min.js'));
  return {
    '/': route(HTML, join(folder, 'assets', `${page}.html`)),
    '/page.css': route(STYLE, join(folder, 'assets/page.css')),
    '/uplot.js': route(SCRIPT, join(uplot, 'uPlot.iife.min.js')),
    '/uplot.css': route(STYLE, join(uplot, 'uPlot.min.css')),
    ...scripts(join(folder, 'dist'), ''),
    ...scripts(join(folder, 'dist'), 'browser/'),
  };
}

function scripts(dist: string, below: string): Readonly<Record<string, Route>> {
  const names = readdirSync(join(dist, below)).filter((name) => name.endsWith('.js'));
  return Object.fromEntries(names.map((name) => [`/${below}${name}`, route(SCRIPT, join(dist, below, name))]));
}

function route(contentType: string, path: string): Route {
  const body = readFileSync(path);
  return () => ({ status: 200, contentType, body });
}
