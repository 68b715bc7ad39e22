import { describe, expect, it } from 'vitest';
import { peerEndpoint } from './peer-address.js';

describe('the address at which a worker listens for others', () => {
  it('is its address towards the coordinator', async () => {
    expect(await peerEndpoint('tcp://127.0.0.1:5555')).toBe('tcp://127.0.0.1:0');
    expect(await peerEndpoint('tcp://localhost:5555')).toBe('tcp://127.0.0.1:0');
  });

  it('is the loopback when the coordinator is on this machine anyhow', async () => {
    expect(await peerEndpoint('ipc:///run/lockstep.sock')).toBe('tcp://127.0.0.1:0');
  });
});
