import { describe, expect, it } from 'vitest';
import { EventSlot } from './event-slot.js';

/** One turn of the microtask queue. */
const turn = (): Promise<void> => Promise.resolve();

describe('EventSlot', () => {
  it('keeps early events for the first handler, then says that it listens', async () => {
    const seen: string[] = [];
    const slot = new EventSlot<string>(() => seen.push('first'));
    slot.emit('early');
    expect(slot.isListening).toBe(false);
    slot.set((event) => seen.push(event));
    expect(seen).toEqual([]);
    await turn();
    slot.emit('later');
    expect(seen).toEqual(['early', 'first', 'later']);
  });

  it('keeps the latest early events when there are too many', async () => {
    const seen: number[] = [];
    const slot = new EventSlot<number>(() => undefined);
    for (let event = 0; event < 100; event += 1) slot.emit(event);
    slot.set((event) => seen.push(event));
    await turn();
    expect([seen.length, seen.at(0), seen.at(-1)]).toEqual([64, 36, 99]);
  });

  it('lets a later handler take over', async () => {
    const seen: string[] = [];
    let firsts = 0;
    const slot = new EventSlot<string>(() => (firsts += 1));
    slot.set((event) => seen.push(`a ${event}`));
    slot.set((event) => seen.push(`b ${event}`));
    await turn();
    slot.emit('x');
    expect([seen, firsts]).toEqual([['b x'], 1]);
  });

  it('delivers nothing after close, early events included', async () => {
    const seen: string[] = [];
    const slot = new EventSlot<string>(() => seen.push('first'));
    slot.emit('early');
    slot.set((event) => seen.push(event));
    slot.close();
    await turn();
    slot.emit('late');
    expect([seen, slot.isClosed, slot.isListening]).toEqual([[], true, false]);
  });
});
