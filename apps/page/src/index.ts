export type {
  ComparedRun,
  Comparison,
  Entry,
  EntryKind,
  MemberChange,
  Outcome,
  PageState,
  PageStatus,
  PageUpdate,
  RunFacts,
  StepRow,
  WorkerStatus,
} from './contract.js';
export { Curve, stepRow } from './curve.js';
export type { CurveData } from './curve.js';
export { PAGE_FOLDER } from './folder.js';
export { PageModel } from './page-model.js';
