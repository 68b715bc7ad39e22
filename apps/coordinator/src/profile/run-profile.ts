/** The profile of one coordinator's life, put together: a probe for its loop, and a file in the run directory. */
import { tracePath } from '@lockstep/checkpoint';
import type { Probe } from '@lockstep/runtime';
import type { RunView } from '../train/events.js';
import { softwareVersion } from '../version.js';
import { TraceBuilder } from './trace-builder.js';
import { TRACE_LIMITS, TraceFile } from './trace-file.js';

export interface ProfileOptions {
  readonly runDirectory: string;
  readonly runId: string;
  readonly term: number;
  readonly view: RunView;
  /** What the loop's clock says now. */
  readonly nowMs: number;
}

export class RunProfile {
  readonly probe: Probe;
  readonly #file: TraceFile;
  readonly #builder: TraceBuilder;
  readonly #notice: () => void;
  #isFaulty = false;
  #isClosed = false;

  constructor({ runDirectory, runId, term, view, nowMs }: ProfileOptions) {
    const path = tracePath(runDirectory, term);
    this.#file = new TraceFile(path, TRACE_LIMITS, ({ message }) => {
      this.#isFaulty = true;
      view.show({ event: 'warning', text: `cannot write the profile: ${message}; the run goes on without it` });
    });
    const about = {
      ...{ run: runId, term, version: softwareVersion(), startedAt: new Date().toISOString() },
      clock: 'the coordinator; work of a worker is placed by how long it said that it waited and worked',
      kept: `the first ${TRACE_LIMITS.head} and the last ${TRACE_LIMITS.tail} events, and markers between them`,
    };
    this.#builder = new TraceBuilder(nowMs, about, (event) => this.#file.add(event));
    this.probe = (moment) => this.#builder.take(moment);
    this.#notice = () => {
      if (!this.#isFaulty) view.show({ event: 'notice', text: `profile ${path}, for https://ui.perfetto.dev` });
    };
  }

  /** Writes the end of the trace, and says where it is. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close((...stretch) => this.#builder.leftOut(...stretch));
    this.#notice();
  }
}
