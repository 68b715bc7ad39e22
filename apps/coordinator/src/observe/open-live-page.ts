/** The live page of a run that is led here: what happened before from its files, what happens now from its events. */
import { readRunFile } from '@lockstep/checkpoint';
import type { HttpServer } from '@lockstep/metrics';
import { stepRow } from '@lockstep/page';
import type { CoordinatorLoop } from '@lockstep/runtime';
import { LivePage } from '../page/live-page.js';
import { toldEvent } from '../page/updates-of.js';
import { readEvents } from '../record/read-events.js';
import type { Assignment } from '../supervise/messages.js';
import type { RunDirectory } from '../train/run-directory.js';
import type { RunObserver } from '../train/run-events.js';
import type { DirectoryStore } from '../train/run-store.js';
import type { EventHub } from './event-hub.js';
import type { RunMetrics } from './run-metrics.js';
import { pageStatus } from './page-status.js';

interface PageParts {
  readonly observatory: HttpServer;
  readonly directory: RunDirectory;
  readonly store: DirectoryStore;
  readonly view: EventHub;
  readonly loop: CoordinatorLoop;
  readonly observer: RunObserver;
  readonly metrics: RunMetrics;
  readonly begins: Assignment['begins'];
}

export async function openLivePage(parts: PageParts): Promise<LivePage> {
  const { observatory, directory, store, view, loop, observer, metrics, begins } = parts;
  const before = begins === 'new' ? null : await readRunFile(directory.path).catch(() => null);
  const page = new LivePage({
    steps: store.history.steps.map(stepRow),
    past: (await readEvents(directory.path)).map(toldEvent),
    before: before === null ? null : { aliveUntil: before.updatedAt, isBack: begins === 'again' },
    status: () => pageStatus(loop.state, observer.secondsPerShard, metrics.figures),
    committed: () => store.journalled,
  });
  view.listen((event) => page.show(event));
  observatory.add(page.routes);
  return page;
}
