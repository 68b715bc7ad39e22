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
