/** The schema of the events in a language that other programs read. */
import { z } from 'zod';
import { EVENTS_CONTRACT, recordStampSchema, runEventSchema } from './event-schema.js';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** A JSON Schema (draft 2020-12) of a line of `lockstep train --json`; further properties are allowed everywhere. */
export function eventsJsonSchema(): JsonSchema {
  const { $schema, ...schema } = toJsonSchema(runEventSchema);
  const $id = `urn:${EVENTS_CONTRACT.replaceAll(' ', ':')}`;
  return { ...($schema === undefined ? {} : { $schema }), $id, title: EVENTS_CONTRACT, ...schema };
}

/** The same of what each line of the event record has beside the event. */
export function recordStampJsonSchema(): JsonSchema {
  return toJsonSchema(recordStampSchema);
}

function toJsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // Nothing in JSON is read-only, and no reader is told anything by the largest exact integer.
      delete jsonSchema.readOnly;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      // A configuration is strict when it is read back by lockstep; other readers are to be patient.
      delete jsonSchema.additionalProperties;
    },
  });
}
