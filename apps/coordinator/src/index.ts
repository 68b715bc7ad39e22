/** What other programs may build on: the events that `lockstep train --json` prints and the event record holds. */
export { EVENTS_CONTRACT, runEventSchema } from './train/event-schema.js';
export { eventsJsonSchema, recordStampJsonSchema } from './train/events-json-schema.js';
export { readEvents } from './record/read-events.js';
