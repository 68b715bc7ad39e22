/** Questions to a Prometheus over its HTTP API. */
import { setTimeout as delay } from 'node:timers/promises';

const ASK_DEADLINE_MS = 10_000;
const WAIT_DEADLINE_MS = 120_000;
const LOOK_AGAIN_MS = 250;

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Time in seconds, and the value as text. */
  readonly values: readonly (readonly [atSeconds: number, value: string])[];
}

interface RuleState {
  readonly name: string;
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
}

export class PrometheusApi {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Every series that an expression gives at one second at least of a time. */
  async range(expression: string, fromSeconds: number, toSeconds: number): Promise<readonly Series[]> {
    const query = { query: expression, start: String(fromSeconds), end: String(toSeconds), step: '1' };
    return ((await this.#ask('query_range', query)) as { readonly result: readonly Series[] }).result;
  }

  /** The first value of an expression now; null when there is none. */
  async value(expression: string): Promise<number | null> {
    const { result } = (await this.#ask('query', { query: expression })) as {
      readonly result: readonly { readonly value: readonly [number, string] }[];
    };
    return result[0] === undefined ? null : Number(result[0].value[1]);
  }

  async labelValues(selector: string, label: string): Promise<readonly string[]> {
    return (await this.#ask(`label/${label}/values`, { 'match[]': selector })) as readonly string[];
  }

  async rules(): Promise<readonly RuleState[]> {
    const { groups } = (await this.#ask('rules', {})) as {
      readonly groups: readonly { rules: readonly RuleState[] }[];
    };
    return groups.flatMap(({ rules }) => rules);
  }

  /** Waits until an expression has a value that is large enough. */
  async reaches(expression: string, least: number): Promise<void> {
    const deadline = Date.now() + WAIT_DEADLINE_MS;
    for (;;) {
      const value = await this.value(expression);
      if (value !== null && value >= least) return;
      if (Date.now() > deadline)
        throw new Error(`${expression} is ${value}, not ${least}, after ${WAIT_DEADLINE_MS} ms`);
      await delay(LOOK_AGAIN_MS);
    }
  }

  /** Waits until nobody answers any more. */
  async falls(): Promise<void> {
    const deadline = Date.now() + WAIT_DEADLINE_MS;
    while (
      await this.value('1').then(
        () => true,
        () => false,
      )
    ) {
      if (Date.now() > deadline) throw new Error(`${this.#url} still answers after ${WAIT_DEADLINE_MS} ms`);
      await delay(LOOK_AGAIN_MS);
    }
  }

  async #ask(what: string, query: Readonly<Record<string, string>>): Promise<unknown> {
    const url = `${this.#url}/api/v1/${what}?${new URLSearchParams(query).toString()}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(ASK_DEADLINE_MS) });
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string };
    if (status !== 'success') throw new Error(`${query['query'] ?? what}: ${error}`);
    return data;
  }
}
