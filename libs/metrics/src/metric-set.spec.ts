import { describe, expect, it } from 'vitest';
import { CATALOGUE, PREFIX } from './catalogue.js';
import type { Metric } from './metric.js';
import { MetricSet } from './metric-set.js';

const linesOf = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(`${PREFIX}${name}{`) || line.startsWith(`${PREFIX}${name} `));

describe('the metrics of a process', () => {
  it('have all counters from the start, with 0 for each word of a label, and nothing unmeasured', async () => {
    const text = await new MetricSet('coordinator').text();
    expect(linesOf(text, 'run_seconds_total')).toContain('lockstep_run_seconds_total{state="recovery"} 0');
    expect(linesOf(text, 'bytes_total')).toHaveLength(10);
    expect(linesOf(text, 'loss_nats')).toEqual([]);
  });

  it('have series for a worker from its coming to its going', async () => {
    const metrics = new MetricSet('coordinator');
    metrics.addWorker(2);
    metrics.add('barrier_wait_seconds_total', { worker: 2 }, 0.5);
    metrics.observe('worker_compute_seconds', { worker: 2 }, 0.1);
    metrics.set('worker_resident_memory_bytes', { worker: 2 }, 5);
    const before = await metrics.text();
    expect(linesOf(before, 'barrier_wait_seconds_total')).toEqual([
      'lockstep_barrier_wait_seconds_total{worker="2"} 0.5',
    ]);
    expect(before).toContain('lockstep_worker_busy_seconds_total{worker="2",task="apply"} 0');
    metrics.removeWorker(2);
    expect(await metrics.text()).not.toContain('worker="2"');
  });

  it('all say which run they are about', async () => {
    const metrics = new MetricSet('worker');
    metrics.addWorker(0);
    metrics.setRun('r-1');
    const samples = (await metrics.text()).split('\n').filter((line) => line.startsWith(PREFIX));
    expect(samples.length).toBeGreaterThan(10);
    expect(samples.filter((line) => !line.includes('run="r-1"'))).toEqual([]);
  });

  it('are those of the catalogue that the process has', async () => {
    const worker = await new MetricSet('worker').text();
    expect(worker).not.toContain('lockstep_steps_total');
    expect(() => new MetricSet('worker').add('steps_total', {})).toThrow('no metric steps_total');
  });
});

describe('the catalogue', () => {
  const metrics = Object.entries<Metric>(CATALOGUE);

  it.each(metrics)('names %s as Prometheus wants it', (name, { type, unit, help, labels }) => {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(help).toMatch(/^[0-9A-Z].*\.$/);
    if (unit === 'seconds' || unit === 'bytes') expect(name).toContain(unit);
    for (const values of Object.values(labels)) if (Array.isArray(values)) expect(values.length).toBeLessThan(20);
  });
});
