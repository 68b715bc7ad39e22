/** The pages in a real browser: what a person sees while processes of the run die, in both themes. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { browserPath, openPage, violationsOf } from './browser.js';
import { lockstep, LockstepProcess, readJson, tinyRun, waitFor, workersOf } from './lockstep-process.js';

const DEADLINE_MS = 60_000;
const PAGE_BYTES_MAX = 200_000;
/** What a browser itself says of a server that is away, or not yet ready again; no page can keep it from that. */
const AWAY =
  /^Failed to load resource: (net::ERR_(CONNECTION_(REFUSED|RESET)|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)|.*503 )/;

const numberIn = async (page: Page, id: string): Promise<number> =>
  Number((await page.locator(`#${id}`).innerText()).replaceAll(',', ''));

async function expectAccessible(page: Page): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true');
    expect(await violationsOf(page), theme).toEqual([]);
  }
}

/** Points of a chart that have the colour of a line. */
async function paintedPoints(page: Page, chart: string, style: string): Promise<number> {
  // Runs in the browser, whose names no type of this program knows.
  return page.evaluate<number>(`(() => {
    const canvas = document.querySelector('#${chart} canvas');
    const probe = document.getElementById('colour-probe');
    probe.style.color = 'var(--${style})';
    const [red, green, blue] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) count += 1;
    }
    return count;
  })()`);
}

describe.skipIf(browserPath === undefined)('in a browser (package chromium)', () => {
  it('the live page grows, tells of faults, and finds the next coordinator', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--metrics-port', '0', '--checkpoint-every', '100', '--json');
    const process = new LockstepProcess(args);
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 5);
    const file = await waitFor('the link', () => readJson(run, 'run.json'));
    const { page, complaints, loadedBytes } = await openPage(String(file['metrics']));
    const within = { timeout: DEADLINE_MS };

    await expect.poll(() => numberIn(page, 'step'), within).toBeGreaterThan(10);
    const early = await numberIn(page, 'step');
    await expect.poll(() => numberIn(page, 'step'), within).toBeGreaterThan(early + 20);
    expect(await page.locator('#loss-chart').getAttribute('aria-label')).toMatch(
      /^Training loss from \d\.\d+ to \d\.\d+/,
    );
    expect(await paintedPoints(page, 'loss-chart', 'train')).toBeGreaterThan(100);
    expect(await page.locator('#link').innerText()).toBe('running');
    expect(await page.locator('#workers-table tbody tr').count()).toBe(2);

    globalThis.process.kill(workersOf(String(file['runId']))[0] ?? 0, 'SIGKILL');
    await expect.poll(() => page.locator('#entries').innerText(), within).toMatch(/fault[^\n]*\nworker \d gone: /);
    await expect.poll(() => paintedPoints(page, 'loss-chart', 'fault'), within).toBeGreaterThan(20);
    await expect.poll(() => page.locator('#said').innerText(), within).not.toBe('');
    // Nothing that went wrong so far was the browser's: the coordinator has been there all the time.
    expect(complaints).toEqual([]);

    const pid = Number((readJson(run, 'run.json')['coordinator'] as { pid: number }).pid);
    globalThis.process.kill(pid, 'SIGKILL');
    await expect.poll(() => page.locator('#link').innerText(), within).toBe('reconnecting …');
    expect(await page.locator('#stale').isVisible()).toBe(true);
    await expect
      .poll(() => page.locator('#entries').innerText(), within)
      .toMatch(/fault[^\n]*\nthe coordinator ended by SIGKILL; started again \(term 2\)/);
    await expect.poll(() => page.locator('#link').innerText(), within).toBe('running');
    expect(await page.locator('#stale').isVisible()).toBe(false);
    const late = await numberIn(page, 'step');
    await expect.poll(() => numberIn(page, 'step'), within).toBeGreaterThan(late + 10);

    await expectAccessible(page);
    process.child.kill('SIGINT');
    expect((await process.end()).code).toBe(0);
    await expect.poll(() => page.locator('#link').innerText(), within).toBe('stopped');
    await expect.poll(() => page.locator('#left').innerText(), within).toBe('stopped');
    expect(await page.locator('#digest-text').innerText()).toMatch(/^[0-9a-f]{64}$/);
    expect(complaints.filter((text) => !AWAY.test(text))).toEqual([]);
    expect(await loadedBytes()).toBeLessThan(PAGE_BYTES_MAX);
  });

  it('the page of a finished run can be read by keyboard, as tables, on a phone', async () => {
    const { run, args } = tinyRun('--steps', '60', '--no-metrics', '--quiet', '--validation-fraction', '0.1');
    await lockstep(args);
    const view = new LockstepProcess(['view', run]);
    const url = await waitFor('the link', () => /: (http:\S+) \(Ctrl-C ends\)\n/.exec(view.stdout)?.[1]);
    const { page, complaints } = await openPage(url, { width: 390, height: 844 });
    await expect.poll(() => page.locator('#link').innerText()).toBe('done');
    await expect.poll(() => numberIn(page, 'step')).toBe(60);
    expect(await page.locator('#sample pre').innerText()).not.toBe('');

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await page.locator('#loss-chart').focus();
    await page.keyboard.press('Home');
    expect(await page.locator('#loss-readout').innerText()).toMatch(/^step 1 /);
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#loss-readout').innerText()).toMatch(/^step 2 /);
    await page.locator('input[value="time"]').check();
    await page.locator('#curve-table summary').click();
    await expect.poll(() => page.locator('#curve-table tbody tr').count()).toBeGreaterThan(15);
    expect(await page.locator('#curve-table tbody tr').last().innerText()).toMatch(/^60\t/);
    await page.locator('#timeline-table summary').click();
    await expect.poll(() => page.locator('#timeline-table tbody').innerText()).toContain('local-0');

    await page.locator('#theme').click();
    expect(await page.locator('#theme').innerText()).toBe('Theme: light');
    await page.locator('#theme').click();
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe('rgb(14, 18, 23)');
    await page.locator('#theme').click();
    await expectAccessible(page);
    expect(complaints).toEqual([]);
  });

  it('the page of a comparison overlays the curves', async () => {
    const one = tinyRun('--steps', '40', '--no-metrics', '--quiet');
    await lockstep(one.args);
    await lockstep([...one.args.map((arg) => (arg === one.run ? `${one.run}-2` : arg)), '--seed', '2']);
    const compare = new LockstepProcess(['compare', one.run, `${one.run}-2`, '--page']);
    const url = await waitFor('the link', () => /: (http:\S+) \(Ctrl-C ends\)\n/.exec(compare.stdout)?.[1]);
    const { page, complaints, loadedBytes } = await openPage(url);
    await expect.poll(() => page.locator('#figures tbody tr').count()).toBe(2);
    expect(await page.locator('#differences').innerText()).toMatch(/seed\s+1\s+2/);
    for (const line of ['run-0', 'run-1']) expect(await paintedPoints(page, 'loss-chart', line)).toBeGreaterThan(20);
    await page.locator('#loss-chart').focus();
    await page.keyboard.press('End');
    expect(await page.locator('#loss-readout').innerText()).toMatch(/^step 40 .*run \d.*run-2 \d/);
    await expectAccessible(page);
    expect(complaints).toEqual([]);
    expect(await loadedBytes()).toBeLessThan(PAGE_BYTES_MAX);
    compare.child.kill('SIGINT');
    expect((await compare.end()).code).toBe(0);
  });
});
