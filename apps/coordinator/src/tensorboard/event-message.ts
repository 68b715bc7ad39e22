/**
 * The few protobuf messages of TensorBoard that a run needs, field by field: `Event` with what it may hold. Numbers of
 * fields are those of tensorboard/compat/proto (event, summary, tensor).
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SESSION_LOG = { status: 1 } as const;
const SESSION_START = 1;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2, tensor: 8, metadata: 9 } as const;
const METADATA = { pluginData: 1, description: 3, dataClass: 4 } as const;
const DATA_CLASS_TENSOR = 2;
const PLUGIN_DATA = { pluginName: 1 } as const;
const TENSOR = { dtype: 1, shape: 2, stringValue: 8 } as const;
const DTYPE_STRING = 7;
const SHAPE = { dimension: 2 } as const;
const DIMENSION = { size: 1 } as const;

/** When, in seconds since 1970, and after which step. */
export interface EventTime {
  readonly wallSeconds: number;
  readonly step: number;
}

/** Values are stored as float32. */
export interface Scalar {
  readonly tag: string;
  readonly value: number;
}

/** Must be the first in a file. */
export function versionEvent(wallSeconds: number): Uint8Array {
  return eventBytes({ wallSeconds, step: 0 }, (event) => {
    event.tag(EVENT.fileVersion, WireType.LengthDelimited).string('brain.Event:2');
  });
}

/** Begins a life of the run: what other files say of this step and later ones is void. */
export function sessionStartEvent(time: EventTime): Uint8Array {
  return eventBytes(time, (event) => {
    nested(event, EVENT.sessionLog, (log) => log.tag(SESSION_LOG.status, WireType.Varint).int32(SESSION_START));
  });
}

export function scalarsEvent(time: EventTime, scalars: readonly Scalar[]): Uint8Array {
  return eventBytes(time, (event) => {
    nested(event, EVENT.summary, (summary) => {
      for (const { tag, value } of scalars) {
        nested(summary, SUMMARY.value, (one) => {
          one.tag(VALUE.tag, WireType.LengthDelimited).string(tag);
          one.tag(VALUE.simpleValue, WireType.Bit32).float(value);
        });
      }
    });
  });
}

/** @param text Markdown */
export function textEvent(time: EventTime, tag: string, text: string, description: string): Uint8Array {
  return eventBytes(time, (event) => {
    nested(event, EVENT.summary, (summary) => {
      nested(summary, SUMMARY.value, (one) => {
        one.tag(VALUE.tag, WireType.LengthDelimited).string(tag);
        nested(one, VALUE.tensor, (tensor) => {
          tensor.tag(TENSOR.dtype, WireType.Varint).int32(DTYPE_STRING);
          nested(tensor, TENSOR.shape, (shape) => {
            nested(shape, SHAPE.dimension, (dimension) => dimension.tag(DIMENSION.size, WireType.Varint).int64(1));
          });
          tensor.tag(TENSOR.stringValue, WireType.LengthDelimited).string(text);
        });
        nested(one, VALUE.metadata, (metadata) => {
          nested(metadata, METADATA.pluginData, (plugin) => {
            plugin.tag(PLUGIN_DATA.pluginName, WireType.LengthDelimited).string('text');
          });
          metadata.tag(METADATA.description, WireType.LengthDelimited).string(description);
          metadata.tag(METADATA.dataClass, WireType.Varint).int32(DATA_CLASS_TENSOR);
        });
      });
    });
  });
}

/** The step of an event, and the tags that it has values for. */
export function readEvent(bytes: Uint8Array): { readonly step: number; readonly tags: readonly string[] } {
  const tags: string[] = [];
  let step = 0;
  eachField(bytes, (field, event) => {
    if (field === EVENT.step) step = Number(event.int64());
    else if (field === EVENT.summary) eachField(event.bytes(), (inner, summary) => readValue(inner, summary, tags));
    else return false;
    return true;
  });
  return { step, tags };
}

function readValue(field: number, summary: BinaryReader, tags: string[]): boolean {
  if (field !== SUMMARY.value) return false;
  eachField(summary.bytes(), (inner, value) => {
    if (inner !== VALUE.tag) return false;
    tags.push(value.string());
    return true;
  });
  return true;
}

/** @param take reads the field that is next and returns true, or false to pass it over */
function eachField(bytes: Uint8Array, take: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!take(field, reader)) reader.skip(wireType);
  }
}

function eventBytes({ wallSeconds, step }: EventTime, write: (event: BinaryWriter) => void): Uint8Array {
  const event = new BinaryWriter();
  event.tag(EVENT.wallTime, WireType.Bit64).double(wallSeconds);
  event.tag(EVENT.step, WireType.Varint).int64(step);
  write(event);
  return event.finish();
}

function nested(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}
