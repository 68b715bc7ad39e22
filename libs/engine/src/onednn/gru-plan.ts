/**
 * One GRU of fixed sizes as oneDNN primitives (`lbr_gru`, the variant with the reset applied after the recurrent
 * product). Gates are [reset, update, new] outside and [update, reset, new] inside; weights are [3H,K] outside, in
 * oneDNN's own packed order inside, packed once a call. Biases are two vectors outside and four rows inside, because
 * those of reset and update only ever occur as a sum.
 */

import { FORWARD } from './library.js';
import type { OneDnn } from './library.js';
import type { Argument, Handle } from './native.js';

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
const ALIGNMENT_VALUES = 16;

export interface GruSizes {
  readonly steps: number;
  readonly rows: number;
  readonly inputs: number;
  readonly units: number;
}

export interface PlanWeights {
  /** [3H,K] */
  readonly weightIh: Float32Array;
  /** [3H,H] */
  readonly weightHh: Float32Array;
}

export interface PlanGradients {
  readonly dx: Float32Array;
  readonly dstate: Float32Array;
  readonly dweightIh: Float32Array;
  readonly dweightHh: Float32Array;
  readonly dbiasIh: Float32Array;
  readonly dbiasHh: Float32Array;
}

/** Memory with an array of ours behind it. */
interface Held {
  readonly desc: Handle;
  readonly memory: Handle;
  readonly data: Float32Array;
}

/** Memory whose array changes from call to call. */
type Moving = Record<'x' | 'state' | 'hidden' | 'dx' | 'dstate' | 'dhidden' | 'workspace', Handle>;

export class GruPlan {
  readonly workspaceLength: number;
  readonly #dnn: OneDnn;
  readonly #sizes: GruSizes;
  /** oneDNN has only their addresses. */
  readonly #kept: Float32Array[] = [];
  readonly #bias: Held;
  readonly #dbias: Held;
  readonly #weights: { readonly ih: Held; readonly hh: Held };
  readonly #dweights: { readonly ih: Held; readonly hh: Held };
  readonly #moving: Moving;
  readonly #lastState: Held;
  readonly #dlastState: Held;
  readonly #forward: { readonly pack: () => void; readonly run: () => void };
  readonly #backward: { readonly pack: () => void; readonly run: () => void; readonly unpack: () => void };

  constructor(dnn: OneDnn, sizes: GruSizes) {
    this.#dnn = dnn;
    this.#sizes = sizes;
    const { steps, rows, inputs, units } = sizes;
    const x = dnn.plain(steps, rows, inputs);
    const state = dnn.plain(1, 1, rows, units);
    const hidden = dnn.plain(steps, rows, units);
    const bias = dnn.plain(1, 1, 4, units);
    const [freeIh, freeHh] = [dnn.free(1, 1, inputs, 3, units), dnn.free(1, 1, units, 3, units)];
    const shapes = [x, state, freeIh, freeHh, bias, hidden, state];
    const forward = dnn.gruForward(FORWARD.training, shapes);
    const backward = dnn.gruBackward([...shapes, ...shapes], forward);
    const workspace = dnn.wanted(forward, ARG.workspace);
    this.workspaceLength = dnn.lengthOf(workspace);
    const later = (desc: Handle): Handle => dnn.memory(desc, new Float32Array(new ArrayBuffer(64)));
    this.#moving = {
      ...{ x: later(x), state: later(state), hidden: later(hidden), workspace: later(workspace) },
      ...{ dx: later(x), dstate: later(state), dhidden: later(hidden) },
    };
    this.#lastState = this.#hold(state);
    this.#dlastState = this.#hold(state);
    this.#bias = this.#hold(bias);
    this.#dbias = this.#hold(bias);
    const stored = (width: number): Handle =>
      dnn.strided([1, 1, width, 3, units], [3 * units * width, 3 * units * width, 1, units * width, width]);
    this.#weights = { ih: this.#hold(stored(inputs)), hh: this.#hold(stored(units)) };
    this.#dweights = { ih: this.#hold(stored(inputs)), hh: this.#hold(stored(units)) };
    this.#forward = this.#forwardRun(forward);
    this.#backward = this.#backwardRun(backward);
  }

  /** @param biases [3H] each; `hidden` [T,B,H] and `workspace` are written */
  forward(
    weights: PlanWeights & { readonly biasIh: Float32Array; readonly biasHh: Float32Array },
    x: Float32Array,
    state: Float32Array,
    hidden: Float32Array,
    workspace: Float32Array,
  ): void {
    this.#takeWeights(weights);
    this.#takeBias(weights.biasIh, weights.biasHh);
    this.#point({ x, state, hidden, workspace });
    this.#forward.pack();
    this.#forward.run();
  }

  /** What `forward` was given and wrote, with `dhidden` [T,B,H]; the results are the caller's. */
  backward(
    weights: PlanWeights,
    x: Float32Array,
    state: Float32Array,
    hidden: Float32Array,
    workspace: Float32Array,
    dhidden: Float32Array,
  ): PlanGradients {
    const { steps, rows, inputs, units } = this.#sizes;
    const dx = new Float32Array(new ArrayBuffer(4 * steps * rows * inputs));
    const dstate = new Float32Array(new ArrayBuffer(4 * rows * units));
    this.#takeWeights(weights);
    this.#point({ x, state, hidden, workspace, dx, dstate, dhidden });
    this.#backward.pack();
    this.#backward.run();
    this.#backward.unpack();
    const block = (from: Float32Array, length: number): Float32Array => swapped(from, new Float32Array(length));
    return {
      ...{ dx, dstate },
      dweightIh: block(this.#dweights.ih.data, 3 * units * inputs),
      dweightHh: block(this.#dweights.hh.data, 3 * units * units),
      ...this.#biasGradients(),
    };
  }

  #hold(desc: Handle): Held {
    const data = aligned(this.#dnn.lengthOf(desc));
    this.#kept.push(data);
    return { desc, data, memory: this.#dnn.memory(desc, data) };
  }

  #point(arrays: Partial<Record<keyof Moving, Float32Array>>): void {
    for (const [name, data] of Object.entries(arrays)) this.#dnn.point(this.#moving[name as keyof Moving], data);
  }

  #takeWeights({ weightIh, weightHh }: PlanWeights): void {
    swapped(weightIh, this.#weights.ih.data);
    swapped(weightHh, this.#weights.hh.data);
  }

  #takeBias(biasIh: Float32Array, biasHh: Float32Array): void {
    const { units } = this.#sizes;
    const { data } = this.#bias;
    for (let unit = 0; unit < units; unit++) {
      const [reset, update, fresh] = [unit, unit + units, unit + 2 * units];
      data[unit] = biasIh[update] + biasHh[update];
      data[update] = biasIh[reset] + biasHh[reset];
      data[fresh] = biasIh[fresh];
      data[unit + 3 * units] = biasHh[fresh];
    }
  }

  #biasGradients(): Pick<PlanGradients, 'dbiasIh' | 'dbiasHh'> {
    const { units } = this.#sizes;
    const rows = this.#dbias.data;
    const both = swapped(rows.subarray(0, 3 * units), new Float32Array(3 * units));
    const dbiasHh = both.slice();
    dbiasHh.set(rows.subarray(3 * units, 4 * units), 2 * units);
    return { dbiasIh: both, dbiasHh };
  }

  #forwardRun(desc: Handle) {
    const ih = this.#hold(this.#dnn.wanted(desc, ARG.weightIh));
    const hh = this.#hold(this.#dnn.wanted(desc, ARG.weightHh));
    const primitive = this.#dnn.primitive(desc);
    const args = this.#commonArguments(desc, ih, hh);
    const packs = [this.#reorder(this.#weights.ih, ih), this.#reorder(this.#weights.hh, hh)];
    return { pack: () => packs.forEach((pack) => pack()), run: () => this.#dnn.run(primitive, args) };
  }

  #backwardRun(desc: Handle) {
    const { difference } = ARG;
    const ih = this.#hold(this.#dnn.wanted(desc, ARG.weightIh));
    const hh = this.#hold(this.#dnn.wanted(desc, ARG.weightHh));
    const dih = this.#hold(this.#dnn.wanted(desc, ARG.weightIh + difference));
    const dhh = this.#hold(this.#dnn.wanted(desc, ARG.weightHh + difference));
    const primitive = this.#dnn.primitive(desc);
    const { dx, dstate, dhidden } = this.#moving;
    const args = [
      ...this.#commonArguments(desc, ih, hh),
      { arg: ARG.source + difference, memory: dx },
      { arg: ARG.sourceState + difference, memory: dstate },
      { arg: ARG.weightIh + difference, memory: dih.memory },
      { arg: ARG.weightHh + difference, memory: dhh.memory },
      { arg: ARG.bias + difference, memory: this.#dbias.memory },
      { arg: ARG.hidden + difference, memory: dhidden },
      { arg: ARG.lastState + difference, memory: this.#dlastState.memory },
    ];
    const packs = [this.#reorder(this.#weights.ih, ih), this.#reorder(this.#weights.hh, hh)];
    const unpacks = [this.#reorder(dih, this.#dweights.ih), this.#reorder(dhh, this.#dweights.hh)];
    return {
      pack: () => packs.forEach((pack) => pack()),
      run: () => {
        // The primitive adds to what is there.
        for (const { data } of [dih, dhh, this.#dbias]) data.fill(0);
        this.#dnn.run(primitive, args);
      },
      unpack: () => unpacks.forEach((unpack) => unpack()),
    };
  }

  #commonArguments(desc: Handle, ih: Held, hh: Held): Argument[] {
    const { x, state, hidden, workspace } = this.#moving;
    const scratchpad = this.#hold(this.#dnn.wanted(desc, ARG.scratchpad));
    return [
      { arg: ARG.source, memory: x },
      { arg: ARG.sourceState, memory: state },
      { arg: ARG.weightIh, memory: ih.memory },
      { arg: ARG.weightHh, memory: hh.memory },
      { arg: ARG.bias, memory: this.#bias.memory },
      { arg: ARG.hidden, memory: hidden },
      { arg: ARG.lastState, memory: this.#lastState.memory },
      { arg: ARG.workspace, memory: workspace },
      { arg: ARG.scratchpad, memory: scratchpad.memory },
    ];
  }

  #reorder(from: Held, to: Held): () => void {
    const primitive = this.#dnn.primitive(this.#dnn.reorder(from.desc, to.desc));
    const args = [
      { arg: REORDER_FROM, memory: from.memory },
      { arg: REORDER_TO, memory: to.memory },
    ];
    return () => this.#dnn.run(primitive, args);
  }
}

/** Copies three blocks of equal length, the first two of them swapped. */
function swapped(from: Float32Array, to: Float32Array): Float32Array {
  const length = from.length / 3;
  to.set(from.subarray(0, length), length);
  to.set(from.subarray(length, 2 * length), 0);
  to.set(from.subarray(2 * length), 2 * length);
  return to;
}

/** Zeros of its own that begin at a cache line. */
export function aligned(length: number): Float32Array {
  return new Float32Array(new ArrayBuffer((length + ALIGNMENT_VALUES) * Float32Array.BYTES_PER_ELEMENT), 0, length);
}
