/** Every wait and size of this library, with its reason. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** `--version` and the like: a tool that does not answer by then is broken; long enough for a cold, busy disk. */
export const PROBE_DEADLINE_MS = 20 * SECOND_MS;

/** 274 MB at 1.3 Mbit/s. A stalled connection ends sooner: pip has its own timeout a read. */
export const DOWNLOAD_DEADLINE_MS = 30 * MINUTE_MS;

/** 2.4 GB at 5.4 Mbit/s. */
export const GPU_DOWNLOAD_DEADLINE_MS = 60 * MINUTE_MS;

/** Writing 0.9 to 6 GB to a slow disk. */
export const UNPACK_DEADLINE_MS = 15 * MINUTE_MS;

/** 10 s on a quiet machine; a small board under load needs minutes. */
export const COMPILE_DEADLINE_MS = 10 * MINUTE_MS;

/** Reading 0.9 to 1.3 GB of library from a slow disk for the first time. */
export const LOAD_DEADLINE_MS = 2 * MINUTE_MS;

/** After a polite signal a child gets this long to end before it is killed. */
export const KILL_GRACE_MS = 2 * SECOND_MS;

/** What a download tells the user to expect. */
export const DOWNLOAD_SIZE = {
  onednn: { cpu: '39 MB', gpu: '' },
  tensorflow: { cpu: '0.3 GB', gpu: '2.4 GB' },
} as const;

/** Wheel and unpacked library side by side, with room to spare. */
export const INSTALL_BYTES_NEEDED = {
  onednn: { cpu: 0.2e9, gpu: 0 },
  tensorflow: { cpu: 1.6e9, gpu: 10e9 },
} as const;

/** Lines of a child's output that are kept to explain a failure. */
export const TAIL_LINES_MAX = 12;

/** Longest line kept of a child's output. */
export const LINE_CHARACTERS_MAX = 400;

/**
 * Left-overs of interrupted installs older than this are removed: longer than all deadlines of one install together.
 */
export const STALE_INSTALL_MS = 24 * 60 * MINUTE_MS;

/** Free memory a worker wants: 0.9 GB of mapped library, and the tutorial model with a step's activations. */
export const MEMORY_MIB_ADVISED = 2048;
