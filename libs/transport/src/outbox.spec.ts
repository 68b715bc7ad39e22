import { describe, expect, it } from 'vitest';
import { Outbox } from './outbox.js';

const message = (...sizes: number[]): Uint8Array[] => sizes.map((size) => new Uint8Array(size));

describe('Outbox', () => {
  it('gives messages back in order and counts all frames of them', () => {
    const outbox = new Outbox({ messagesMax: 3, bytesMax: 100 });
    const messages = [message(10, 20), message(30), message(40)];
    expect(messages.map((frames) => outbox.push(frames))).toEqual([true, true, true]);
    expect([outbox.size, outbox.describe()]).toEqual([3, '3 messages, 0.0 MiB']);
    for (const frames of messages) {
      expect(outbox.head()).toBe(frames);
      outbox.remove(frames);
    }
    expect([outbox.size, outbox.head()]).toEqual([0, undefined]);
  });

  it('refuses a message over either bound and keeps what it has', () => {
    const outbox = new Outbox({ messagesMax: 2, bytesMax: 100 });
    outbox.push(message(60));
    expect(outbox.push(message(41))).toBe(false);
    expect(outbox.push(message(40))).toBe(true);
    expect(outbox.push(message(0))).toBe(false);
    expect(outbox.size).toBe(2);
  });

  it('accepts a lone message of any size, and counts it', () => {
    const outbox = new Outbox({ messagesMax: 2, bytesMax: 100 });
    expect(outbox.push(message(1000))).toBe(true);
    expect(outbox.push(message(0))).toBe(false);
  });

  it('makes room as messages leave', () => {
    const outbox = new Outbox({ messagesMax: 1, bytesMax: 1 });
    for (let index = 0; index < 10; index += 1) {
      const frames = message(1);
      expect(outbox.push(frames)).toBe(true);
      outbox.remove(frames);
    }
    outbox.push(message(1));
    outbox.clear();
    expect(outbox.push(message(1))).toBe(true);
  });

  it('removes nothing but its head', () => {
    const outbox = new Outbox({ messagesMax: 5, bytesMax: 100 });
    const [first, second] = [message(1), message(2)];
    outbox.push(first);
    outbox.push(second);
    outbox.remove(second);
    expect(outbox.size).toBe(2);
    outbox.clear();
    outbox.push(second);
    outbox.remove(first);
    expect(outbox.head()).toBe(second);
  });
});
