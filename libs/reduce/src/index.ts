export { bytesOf, createDigest } from './digest.js';
export { Exchange } from './exchange.js';
export type { ExchangeSetting, Piece, SendPiece } from './exchange.js';
export { clipScale, finishGradient, meanInPlace, normOf, SQUARES_BLOCK_LENGTH } from './finish.js';
export type { FinishedGradient } from './finish.js';
export { layoutView, weightLayout } from './layout.js';
export type { ModelShape, WeightEntry, WeightLayout } from './layout.js';
export { sumScalars, treeAdditions } from './tree.js';
export { TreeSum } from './tree-sum.js';
