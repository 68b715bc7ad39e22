/**
 * Hosts on one machine: network namespaces joined by a bridge, each with a link of its own whose rate is bounded both
 * ways. Needs root and iproute2. Bounds come from `tbf`, which every kernel here has; delay would need `netem`.
 */
import { execFileSync } from 'node:child_process';

export interface Hosts {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** Takes everything away again. */
  remove(): void;
}

const BURST = '256kb';
const LATENCY = '50ms';

const ip = (...args: readonly string[]): string => execFileSync('ip', [...args], { encoding: 'utf8', stdio: 'pipe' });

/** Why there can be no hosts here; null when there can. */
export function whyNoHosts(): string | null {
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces';
  try {
    ip('-Version');
    execFileSync('tc', ['-Version'], { stdio: 'pipe' });
    return null;
  } catch {
    return 'needs iproute2 (ip, tc)';
  }
}

/**
 * @param count at most 200
 * @param rate of each link, as tc takes it, for example `1gbit`; null for no bound
 * @throws Error with what the system said
 */
export function createHosts(count: number, rate: string | null): Hosts {
  const tag = `ls${process.pid % 10_000}`;
  const hub = `${tag}hub`;
  const names = Array.from({ length: count }, (_, index) => `${tag}h${index}`);
  const addresses = names.map((_, index) => `10.77.0.${index + 1}`);
  const remove = (): void => {
    for (const name of [...names, hub]) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was not made.
      }
    }
  };
  const bound = (namespace: string, device: string): void => {
    if (rate === null) return;
    const how = ['root', 'tbf', 'rate', rate, 'burst', BURST, 'latency', LATENCY];
    ip('netns', 'exec', namespace, 'tc', 'qdisc', 'add', 'dev', device, ...how);
  };
  try {
    ip('netns', 'add', hub);
    ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', hub, 'link', 'set', 'bridge', 'up');
    names.forEach((name, index) => {
      const port = `port${index}`;
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('-n', hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      ip('-n', hub, 'link', 'set', port, 'master', 'bridge', 'up');
      ip('-n', name, 'addr', 'add', `${addresses[index] ?? ''}/24`, 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
      bound(name, 'eth0');
      bound(hub, port);
    });
  } catch (error) {
    remove();
    throw error;
  }
  return { names, addresses, remove };
}

/** What to put before a command so that it runs on a host. */
export const onHost = (name: string): readonly string[] => ['ip', 'netns', 'exec', name];
