/**
 * The oneDNN side of a GRU of fixed sizes: its two primitives, the memory they work on and the reorders from and to
 * its packed weights. Here gates are [update, reset, new], and biases four rows: those of reset and update only ever
 * occur as a sum.
 */

import type { OneDnn } from './library.js';
import type { Argument, Handle } from './native.js';
import type { ArrayPool } from './pool.js';

/** oneDNN's numbers of a primitive's arguments. */
const ARG = {
  source: 1,
  sourceState: 2,
  hidden: 17,
  lastState: 18,
  weightIh: 33,
  weightHh: 34,
  bias: 41,
  workspace: 64,
  scratchpad: 80,
  difference: 128,
} as const;

const REORDER_FROM = 1;
const REORDER_TO = 17;

export interface GruSizes {
  readonly steps: number;
  readonly rows: number;
  readonly inputs: number;
  readonly units: number;
}

/** Memory with an array of ours behind it, of which oneDNN has only the address. */
interface Held {
  readonly desc: Handle;
  readonly memory: Handle;
  readonly data: Float32Array;
}

interface Weights {
  /** stored as [3,H,K] */
  readonly ih: Held;
  /** stored as [3,H,H] */
  readonly hh: Held;
}

/** Memory whose array changes from call to call. */
type Moving = Record<'x' | 'state' | 'hidden' | 'dx' | 'dstate' | 'dhidden' | 'workspace', Handle>;

/** One pass: its weights are packed, then it runs with a scratchpad of this length. */
interface Pass {
  readonly scratchpadLength: number;
  readonly scratchpad: Handle;
  readonly pack: () => void;
  readonly run: () => void;
}

export interface GruPrimitives {
  readonly workspaceLength: number;
  readonly moving: Moving;
  readonly weights: Weights;
  /** stored as [4,H] */
  readonly bias: Held;
  readonly dweights: Weights;
  readonly dbias: Held;
  readonly forward: Pass;
  /** Its run leaves the gradients of the weights in `dweights` and `dbias`. */
  readonly backward: Pass;
  /** All that oneDNN has the addresses of: alive as long as this is. */
  readonly arrays: readonly Float32Array[];
}

/** What both passes share while they are built. */
interface Shared {
  readonly dnn: OneDnn;
  readonly hold: (desc: Handle) => Held;
  readonly moving: Moving;
  readonly weights: Weights;
  readonly bias: Held;
  readonly lastState: Held;
}

export function createGruPrimitives(dnn: OneDnn, pool: ArrayPool, sizes: GruSizes): GruPrimitives {
  const { steps, rows, inputs, units } = sizes;
  const arrays: Float32Array[] = [];
  const hold = (desc: Handle): Held => {
    const data = pool.fresh(dnn.lengthOf(desc));
    arrays.push(data);
    return { desc, data, memory: dnn.memory(desc, data) };
  };
  const x = dnn.plain(steps, rows, inputs);
  const state = dnn.plain(1, 1, rows, units);
  const hidden = dnn.plain(steps, rows, units);
  const bias = dnn.plain(1, 1, 4, units);
  const shapes = [x, state, dnn.free(1, 1, inputs, 3, units), dnn.free(1, 1, units, 3, units), bias, hidden, state];
  const forward = dnn.gruForward(shapes);
  const backward = dnn.gruBackward([...shapes, ...shapes], forward);
  const workspace = dnn.wanted(forward, ARG.workspace);
  const stored = (width: number): Held => {
    const whole = 3 * units * width;
    return hold(dnn.strided([1, 1, width, 3, units], [whole, whole, 1, units * width, width]));
  };
  const shared: Shared = {
    dnn,
    hold,
    moving: {
      ...{ x: dnn.empty(x), state: dnn.empty(state), hidden: dnn.empty(hidden), workspace: dnn.empty(workspace) },
      ...{ dx: dnn.empty(x), dstate: dnn.empty(state), dhidden: dnn.empty(hidden) },
    },
    weights: { ih: stored(inputs), hh: stored(units) },
    bias: hold(bias),
    lastState: hold(state),
  };
  const dweights = { ih: stored(inputs), hh: stored(units) };
  const dbias = hold(bias);
  return {
    workspaceLength: dnn.lengthOf(workspace),
    moving: shared.moving,
    weights: shared.weights,
    bias: shared.bias,
    ...{ dweights, dbias, arrays },
    forward: passOf(
      shared,
      forward,
      [],
      () => undefined,
      () => undefined,
    ),
    backward: backwardPass(shared, backward, dweights, dbias, hold(state)),
  };
}

function backwardPass(shared: Shared, desc: Handle, dweights: Weights, dbias: Held, dlastState: Held): Pass {
  const { dnn, hold, moving } = shared;
  const { difference } = ARG;
  const ih = hold(dnn.wanted(desc, ARG.weightIh + difference));
  const hh = hold(dnn.wanted(desc, ARG.weightHh + difference));
  const args = [
    { arg: ARG.source + difference, memory: moving.dx },
    { arg: ARG.sourceState + difference, memory: moving.dstate },
    { arg: ARG.weightIh + difference, memory: ih.memory },
    { arg: ARG.weightHh + difference, memory: hh.memory },
    { arg: ARG.bias + difference, memory: dbias.memory },
    { arg: ARG.hidden + difference, memory: moving.dhidden },
    { arg: ARG.lastState + difference, memory: dlastState.memory },
  ];
  const unpacks = [reorder(dnn, ih, dweights.ih), reorder(dnn, hh, dweights.hh)];
  const clear = (): void => {
    // The primitive adds to what is there.
    for (const { data } of [ih, hh, dbias]) data.fill(0);
  };
  return passOf(shared, desc, args, clear, () => unpacks.forEach((unpack) => unpack()));
}

function passOf(shared: Shared, desc: Handle, more: readonly Argument[], before: () => void, after: () => void): Pass {
  const { dnn, hold, moving, weights, bias, lastState } = shared;
  const ih = hold(dnn.wanted(desc, ARG.weightIh));
  const hh = hold(dnn.wanted(desc, ARG.weightHh));
  const scratchpadDesc = dnn.wanted(desc, ARG.scratchpad);
  const scratchpad = dnn.empty(scratchpadDesc);
  const args = [
    { arg: ARG.source, memory: moving.x },
    { arg: ARG.sourceState, memory: moving.state },
    { arg: ARG.weightIh, memory: ih.memory },
    { arg: ARG.weightHh, memory: hh.memory },
    { arg: ARG.bias, memory: bias.memory },
    { arg: ARG.hidden, memory: moving.hidden },
    { arg: ARG.lastState, memory: lastState.memory },
    { arg: ARG.workspace, memory: moving.workspace },
    { arg: ARG.scratchpad, memory: scratchpad },
    ...more,
  ];
  const primitive = dnn.primitive(desc);
  const packs = [reorder(dnn, weights.ih, ih), reorder(dnn, weights.hh, hh)];
  return {
    scratchpadLength: dnn.lengthOf(scratchpadDesc),
    scratchpad,
    pack: () => packs.forEach((pack) => pack()),
    run: () => {
      before();
      dnn.run(primitive, args);
      after();
    },
  };
}

function reorder(dnn: OneDnn, from: Held, to: Held): () => void {
  const primitive = dnn.primitive(dnn.reorder(from.desc, to.desc));
  const args = [
    { arg: REORDER_FROM, memory: from.memory },
    { arg: REORDER_TO, memory: to.memory },
  ];
  return () => dnn.run(primitive, args);
}
