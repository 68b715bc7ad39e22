/** The two ways along which a run is looked at. */
import { countText, durationText } from '../words.js';
import type { XAxis } from './chart.js';

export const STEP_AXIS: XAxis = { format: countText, spacePx: 64 };
export const TIME_AXIS: XAxis = {
  format: durationText,
  spacePx: 96,
  ticks: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800],
};
