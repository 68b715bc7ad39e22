/** What one wants to know first: how far, how good, how fast, how long still, with how many. */
import type { PageState } from '../contract.js';
import { latestRate, pace } from '../series.js';
import { clockText, countText, durationText, lossText, shareText } from '../words.js';
import { find, setText } from './dom.js';

export function showGlance(state: PageState): void {
  const { facts, curve, validation, status, outcome } = state;
  const step = curve.step.at(-1) ?? 0;
  const total = facts?.totalSteps ?? 0;
  setText(find('step'), countText(step));
  setText(find('step-note'), total === 0 ? '' : `of ${countText(total)}, epoch ${epochOf(step, facts?.stepsPerEpoch)}`);
  const progress = find('progress') as HTMLProgressElement;
  progress.max = Math.max(1, total);
  progress.value = step;
  setText(progress, total === 0 ? '' : shareText(step / total));
  const loss = recentLoss(state);
  setText(find('train-loss'), loss === null ? '–' : lossText(loss));
  const held = validation.at(-1);
  setText(find('held-loss'), held === undefined ? '–' : lossText(held.loss));
  setText(find('held-note'), held === undefined ? 'no pass yet' : `after step ${countText(held.step)}`);
  const rate = outcome?.charactersPerSecond ?? latestRate(curve);
  setText(find('rate'), rate === null ? '–' : countText(rate));
  setText(find('rate-note'), outcome === null ? paceText(pace(curve)) : 'the whole run');
  showTimeLeft(state, total - step);
  const workers = status?.workers ?? [];
  const ready = workers.filter((worker) => worker.state === 'ready').length;
  setText(find('workers-ready'), outcome === null ? String(ready) : '–');
  setText(find('workers-note'), outcome === null ? `ready, of ${workers.length} there` : 'the run is over');
  showGoodput(state);
}

function epochOf(step: number, stepsPerEpoch: number | undefined): number {
  return stepsPerEpoch === undefined || step === 0 ? 1 : Math.floor((step - 1) / stepsPerEpoch) + 1;
}

/** Of the latest few steps: single ones jump. */
function recentLoss({ curve }: PageState): number | null {
  const latest = curve.loss.slice(-5);
  return latest.length === 0 ? null : latest.reduce((sum, loss) => sum + loss, 0) / latest.length;
}

function paceText(seconds: number | null): string {
  return seconds === null ? 'no step yet' : `${durationText(seconds)} a step`;
}

function showTimeLeft({ curve, outcome, status }: PageState, steps: number): void {
  const seconds = pace(curve);
  if (outcome !== null) {
    setText(find('left-title'), 'Ended');
    setText(find('left'), outcome.result);
    return setText(find('left-note'), `in ${durationText(outcome.wallSeconds)}`);
  }
  setText(find('left-title'), 'Time left');
  if (seconds === null || steps <= 0) {
    setText(find('left'), '–');
    return setText(find('left-note'), steps <= 0 && seconds !== null ? 'finishing' : 'no step yet');
  }
  const left = steps * seconds;
  setText(find('left'), durationText(left));
  const end = new Date(Date.now() + left * 1000);
  const day = left > 12 * 3600 ? `${end.toLocaleDateString('en-GB', { weekday: 'short' })} ` : '';
  const clock = `${day}${clockText(end, false)}`;
  setText(find('left-note'), status?.state === 'running' ? `about ${clock}` : 'once it goes on');
}

/** Share of the run's time that brought it forward; left out where nobody has measured it. */
function showGoodput({ status }: PageState): void {
  const seconds = Object.values(status?.runSeconds ?? {}).reduce((sum, one) => sum + one, 0);
  find('goodput-tile').hidden = seconds === 0;
  if (seconds > 0) setText(find('goodput'), shareText((status?.runSeconds['productive'] ?? 0) / seconds));
}
