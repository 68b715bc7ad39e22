/**
 * Gives the memory of large messages back. Each frame that ZeroMQ receives is a block of the C library's, freed when
 * the collector has seen that nobody uses it. Blocks of up to 32 MiB the GNU library learns to keep, in arenas of its
 * own for each thread, where those of one thread are of no use to another: a coordinator that uses 150 MB at a time
 * then takes 450. Blocks that are mapped one by one are given back when they are freed; each page of a new one costs a
 * fault.
 */
import koffi from 'koffi';

/** Of mallopt(3), in malloc.h. */
const M_MMAP_THRESHOLD = -3;
/** Well below a gradient that counts, well above what comes and goes all the time. */
const THRESHOLD_BYTES = 1 << 20;

let isDone = false;

/** For this process, once. Where there is another C library, memory is kept as that one likes. */
export function returnLargeBlocks(): void {
  if (isDone || process.platform !== 'linux') return;
  isDone = true;
  try {
    const mallopt = koffi.load('libc.so.6').func('int mallopt(int, int)') as (name: number, value: number) => number;
    mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES);
  } catch {
    // Not the GNU library: nothing is wrong, only less is known.
  }
}
