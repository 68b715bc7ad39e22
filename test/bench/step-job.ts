/** One training step as a task for any contestant; peers read the same fields from the same JSON. */
export interface StepJob {
  readonly vocabularySize: number;
  readonly embedding: number;
  readonly units: number;
  readonly rows: number;
  readonly sequenceLength: number;
  readonly threads: number;
  /** Steps in one measurement; their mean counts. */
  readonly repeats: number;
  /** Steps before the first measurement. */
  readonly warmUp: number;
  readonly learningRate: number;
  readonly epsilon: number;
  /** Raw float32 in layout order. */
  readonly weightsFile: string;
  /** Raw int32, rows x (sequenceLength + 1). */
  readonly idsFile: string;
}
