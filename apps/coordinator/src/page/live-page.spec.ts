import { serveHttp } from '@lockstep/metrics';
import type { PageState, PageStatus } from '@lockstep/page';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunEvent } from '../train/events.js';
import { LivePage } from './live-page.js';

const STATUS: PageStatus = { state: 'running', step: 2, workers: [], phases: {}, runSeconds: {} };
const step = (number: number): RunEvent => ({
  ...{ event: 'step', step: number, epoch: 0, loss: 3, gradientNorm: 1, characters: 100, seconds: 0.5 },
  ...{ charactersPerSecond: 200, weightsDigest: null },
});

interface Message {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** A page that is served, whose files are left out: they are those of the build. */
async function served(): Promise<{ readonly page: LivePage; readonly url: string }> {
  const page = new LivePage({
    steps: [[1, 4, 100, 1]],
    past: [{ at: '2031-01-01T00:00:00.000Z', committed: 1, event: { event: 'checkpoint', step: 1, path: 'x' } }],
    status: () => STATUS,
    committed: () => 2,
  });
  const server = await serveHttp({ host: '127.0.0.1', port: 0, routes: page.routes });
  onTestFinished(async () => {
    await page.close();
    await server.close();
  });
  return { page, url: server.url };
}

/** Reads a feed until its messages fit. */
async function readFeed(url: string, fits: (messages: readonly Message[]) => boolean): Promise<readonly Message[]> {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  let text = '';
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const messages = messagesOf(text);
    // Leaving the loop ends the connection.
    if (fits(messages)) return messages;
  }
  throw new Error(`the feed ended: ${text}`);
}

function messagesOf(text: string): readonly Message[] {
  const whole = text.slice(0, text.lastIndexOf('\n\n') + 2);
  return whole
    .split('\n\n')
    .map((frame) =>
      Object.fromEntries(frame.split('\n').map((line) => line.split(/: (.*)/).slice(0, 2) as [string, string])),
    )
    .filter((fields) => fields['data'] !== undefined)
    .map(({ event = '', id = '', data = '' }) => ({ event, id, data }));
}

const typeOf = ({ data }: Message): unknown => (JSON.parse(data) as { type?: unknown }).type;

describe('a live page', () => {
  it('tells the whole state first, with what was before, then what changes', async () => {
    const { page, url } = await served();
    const reading = readFeed(`${url}feed`, (messages) => messages.some((message) => typeOf(message) === 'steps'));
    const first = await readFeed(`${url}feed`, (messages) => messages.length > 0);
    expect(first[0]?.event).toBe('state');
    const state = JSON.parse(first[0]?.data ?? '') as PageState;
    expect(state.curve.step).toEqual([1]);
    expect(state.marks).toMatchObject([{ kind: 'checkpoint', step: 1 }]);
    page.show(step(2));
    page.show({ event: 'notice', text: '<b>bold</b>\u001b[31m' });
    const messages = await reading;
    const told = messages.find((message) => typeOf(message) === 'steps');
    expect(JSON.parse(told?.data ?? '')).toEqual({ type: 'steps', rows: [[2, 3, 100, 0.5]] });
  });

  it('gives a client that was away what it missed, and the whole state where it cannot', async () => {
    const { page, url } = await served();
    const [first] = await readFeed(`${url}feed`, (messages) => messages.length > 0);
    page.show({ event: 'notice', text: 'one' });
    page.show({ event: 'notice', text: 'two' });
    const missed = await readFeed(`${url}feed?last=${first?.id ?? ''}`, (messages) => messages.length >= 2);
    expect(
      missed.map(({ event, data }) => [event, (JSON.parse(data) as { entry: { text: string } }).entry.text]),
    ).toEqual([
      ['update', 'one'],
      ['update', 'two'],
    ]);
    const stranger = await readFeed(`${url}feed?last=another.1`, (messages) => messages.length > 0);
    expect(stranger[0]?.event).toBe('state');
    for (let count = 0; count < 600; count += 1) page.show({ event: 'notice', text: `many ${count}` });
    const late = await readFeed(`${url}feed?last=${first?.id ?? ''}`, (messages) => messages.length > 0);
    expect(late[0]?.event).toBe('state');
  });

  it('lets no more than 16 watch, and more again when some have gone', async () => {
    const { url } = await served();
    const abort = new AbortController();
    const watching = await Promise.all(Array.from({ length: 16 }, () => fetch(`${url}feed`, { signal: abort.signal })));
    expect(watching.map(({ status }) => status)).toEqual(watching.map(() => 200));
    expect((await fetch(`${url}feed`)).status).toBe(503);
    abort.abort();
    await expect.poll(async () => (await fetch(`${url}feed`, { signal: AbortSignal.timeout(1_000) })).status).toBe(200);
  });

  it('drops a client that does not read', async () => {
    const { page, url } = await served();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const closed = new Promise((resolve) => {
      socket.once('close', resolve);
      socket.once('error', resolve);
    });
    socket.write('GET /feed HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('readable', resolve));
    socket.pause();
    // More than the buffers of both sides and what is kept for it.
    for (let count = 0; count < 400; count += 1) {
      page.show({ event: 'sample', step: 1, isLast: false, prime: '', text: 'x'.repeat(100_000) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.resume();
    await closed;
  });

  it('ends its feeds with all that was told', async () => {
    const { page, url } = await served();
    const response = await fetch(`${url}feed`);
    page.show(step(2));
    page.show({ event: 'notice', text: 'the last word' });
    await page.close();
    expect(await response.text()).toContain('the last word');
  });

  it('has its state as JSON', async () => {
    const { page, url } = await served();
    page.show(step(2));
    const state = (await (await fetch(`${url}state.json`)).json()) as PageState;
    expect(state).toMatchObject({ curve: { step: [1, 2] }, status: STATUS });
  });
});
