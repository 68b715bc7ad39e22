import { describe, expect, it } from 'vitest';
import { FeedLog } from './feed-log.js';

const bounds = { messagesMax: 3, charactersMax: 100 };

function logOf(life: string, ...messages: readonly string[]): FeedLog {
  const log = new FeedLog(life, bounds);
  for (const message of messages) log.push(message);
  return log;
}

describe('the log of a feed', () => {
  it('knows what came after a message', () => {
    const log = logOf('a', 'one', 'two', 'three');
    expect(log.since('a.1')?.map(({ id, data }) => [id, data])).toEqual([
      ['a.2', 'two'],
      ['a.3', 'three'],
    ]);
    expect(log.since(log.lastId)).toEqual([]);
    expect(log.since('a.0')).toHaveLength(3);
  });

  it('says so when it has forgotten some of it', () => {
    const log = logOf('a', 'one', 'two', 'three', 'four');
    expect(log.since('a.1')).toHaveLength(3);
    expect(log.since('a.0')).toBeNull();
  });

  it('forgets by length, too, and then all of what is too long', () => {
    const log = logOf('a', 'x'.repeat(60), 'y'.repeat(60));
    expect(log.since('a.0')).toBeNull();
    expect(log.since('a.1')).toHaveLength(1);
    log.push('z'.repeat(101));
    expect(log.since('a.2')).toBeNull();
    expect(log.since('a.3')).toEqual([]);
  });

  it.each(['', 'b.1', 'a.9', 'a.', 'a.-1', 'a.1e1', 'a.99999999999999999999', '.1', 'a'])('does not know %j', (id) => {
    expect(logOf('a', 'one').since(id)).toBeNull();
  });
});
