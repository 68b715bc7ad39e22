/**
 * Every bound of this library with its reason. A file on disk is a peer like any other: it may be torn, altered or
 * made to hurt.
 */

/**
 * Header of a safetensors file. Ours are below 4 KiB; a larger bound only helps a hostile file keep the parser busy.
 */
export const SAFETENSORS_HEADER_BYTES_MAX = 1 << 20;

/** Tensors in one file: ours hold a few dozen; bounds the work on a header that is all names. */
export const TENSORS_MAX = 1024;

/** Dimensions of a tensor: ours have 1 or 2. */
export const TENSOR_RANK_MAX = 8;

/**
 * One safetensors file: 2 GiB is 500 million weights; more than one typed array of that size would not fit most
 * machines.
 */
export const SAFETENSORS_FILE_BYTES_MAX = 2 ** 31;

/** Manifest, config, run file, summary: a vocabulary of 65,536 characters is about 1 MiB of JSON. */
export const JSON_FILE_BYTES_MAX = 8 << 20;

/**
 * One system call of a file copy: small enough to let other work of the process in between, large enough to be cheap.
 */
export const IO_CHUNK_BYTES = 1 << 20;

/** One journal line: a plan of a thousand shards is about 16 KiB. */
export const JOURNAL_LINE_BYTES_MAX = 1 << 18;

/** Journal lines not yet on the disk. At one step a millisecond, four seconds of a disk that does not answer. */
export const JOURNAL_PENDING_LINES_MAX = 4096;

/**
 * A power cut may cost the acknowledgement of this much work; shorter wears the disk out where steps take
 * milliseconds.
 */
export const JOURNAL_SYNC_INTERVAL_MS = 50;

/**
 * A takeover of a stale lock is a few system calls; one that takes longer has a stopped process in the middle of it.
 */
export const LOCK_TAKEOVER_DEADLINE_MS = 5_000;

/** Processes that died one after the other in the midst of taking over the same lock. */
export const LOCK_CLAIM_CHAIN_MAX = 16;

/**
 * Pauses between two attempts at what the disk refused: soon enough after a hiccup, seldom enough beside a disk that
 * stays full.
 */
export const RETRY_FIRST_MS = 1_000;
export const RETRY_LAST_MS = 32_000;

/**
 * A journal that cannot advance holds the run up; longer than this nobody is coming to free space, and a failed run
 * says more than one that hangs.
 */
export const JOURNAL_TROUBLE_LIMIT_MS = 600_000;

/** A run that has nothing left to do but write its last checkpoint waits this long for a disk that refuses. */
export const LAST_CHECKPOINT_LIMIT_MS = 60_000;

/** A journal that is closed while its disk refuses, because the run has failed, waits this long for what is pending. */
export const JOURNAL_CLOSE_LIMIT_MS = 10_000;
