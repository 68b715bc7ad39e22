/** A real browser for the pages: Debian's Chromium, driven by Playwright. Where there is none, tests say so. */
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Whole path of the browser on the PATH; undefined where there is none. */
export const browserPath: string | undefined = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

if (browserPath === undefined) {
  process.stderr.write('skipped: tests in a browser; no chromium on the PATH; install the package chromium\n');
}

export interface OpenedPage {
  readonly page: Page;
  /** What the console said that is no note. */
  readonly complaints: readonly string[];
  /** Bytes of the bodies that were loaded, as they are after decoding; streams are not counted. */
  readonly loadedBytes: () => Promise<number>;
}

/** Opens an address in a browser of its own, which ends with the test. */
export async function openPage(url: string, size = { width: 1280, height: 900 }): Promise<OpenedPage> {
  const browser = await launch();
  const page = await browser.newPage({ viewport: size });
  const complaints: string[] = [];
  const bodies: Promise<number>[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('response', (response) => {
    const isStream = (response.headers()['content-type'] ?? '').startsWith('text/event-stream');
    if (response.ok() && !isStream) bodies.push(response.body().then((body) => body.length));
  });
  await page.goto(url);
  return {
    ...{ page, complaints },
    loadedBytes: async () => (await Promise.all(bodies)).reduce((sum, bytes) => sum + bytes, 0),
  };
}

async function launch(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  const browser = await chromium.launch({
    ...(browserPath === undefined ? {} : { executablePath: browserPath }),
    // Its sandbox does not work for root, as in most containers.
    args: isRoot ? ['--no-sandbox'] : [],
  });
  onTestFinished(() => browser.close());
  return browser;
}

/** What axe finds wrong with a page as it is shown, each with the elements it is about. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
  const { violations } = await page.evaluate<{ violations: { id: string; nodes: { target: unknown[] }[] }[] }>(
    'axe.run(document, { resultTypes: ["violations"] })',
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}
