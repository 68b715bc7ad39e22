/**
 * A lock between processes: a folder, because making one is atomic everywhere. The holder touches it every few
 * seconds; a lock that stands still, or whose holder is known to be dead, belongs to nobody and is taken over.
 * Stillness is judged by the waiter's own patience, never by comparing clocks.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atExit } from './command.mjs';
import { EXIT, Failure, explain } from './failure.mjs';

const TOUCH_MS = 5_000;
const POLL_MS = 200;
/** Many touches, so that a busy machine does not look dead; short enough to sit out. */
const STILL_MS = 60_000;

/**
 * Runs `work` while holding the lock.
 * @template T
 * @param {string} folder of the lock; its parent is made
 * @param {{ deadlineMs: number, onWait: (holder: string) => void }} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 * @throws {Failure} `retry` when somebody else held it past the deadline, `io` when the folder cannot be made
 */
export async function withLock(folder, { deadlineMs, onWait }, work) {
  let waitedMs = 0;
  let stillMs = 0;
  let lastTouch = 0;
  while (!acquire(folder)) {
    if (waitedMs === 0) onWait(holderOf(folder).name);
    if (waitedMs >= deadlineMs) {
      const holder = holderOf(folder).name;
      const hint = `wait for it or end it, then try again; if it is gone, remove ${folder}`;
      throw new Failure(EXIT.retry, `${holder} has been preparing for ${deadlineMs / 60_000} minutes`, hint);
    }
    const touch = touchOf(folder);
    stillMs = touch === lastTouch ? stillMs + POLL_MS : 0;
    lastTouch = touch;
    if (stillMs >= STILL_MS || holderOf(folder).isDead) takeOver(folder, touch);
    await delay(POLL_MS);
    waitedMs += POLL_MS;
  }
  const release = () => {
    if (holderOf(folder).isSelf) rmSync(folder, { recursive: true, force: true });
  };
  const takeBack = atExit(release);
  const touching = setInterval(() => {
    if (holderOf(folder).isSelf) utimesSync(folder, new Date(), new Date());
  }, TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    takeBack();
    release();
  }
}

/**
 * Takes the lock, unless somebody has it.
 * @param {string} folder
 */
function acquire(folder) {
  try {
    mkdirSync(dirname(folder), { recursive: true });
    if (!makeFolder(folder)) return false;
    writeFileSync(`${folder}/holder.json`, JSON.stringify({ pid: process.pid, host: hostname() }));
    return true;
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    throw explain(`cannot write below ${dirname(folder)}`, message, 'check that the folder may be written to');
  }
}

/**
 * @param {string} folder
 * @returns {boolean} false when it is there already
 */
function makeFolder(folder) {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} folder */
function holderOf(folder) {
  try {
    /** @type {{ pid: number, host: string }} */
    const { pid, host } = JSON.parse(readFileSync(`${folder}/holder.json`, 'utf8'));
    const isHere = host === hostname();
    return {
      name: `process ${pid} on ${host}`,
      isSelf: isHere && pid === process.pid,
      isDead: isHere && !isAlive(pid),
    };
  } catch {
    // Made a moment ago and not signed yet, or just released.
    return { name: 'another process', isSelf: false, isDead: false };
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** @param {string} folder */
function touchOf(folder) {
  return statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * Removes an abandoned lock. It is moved aside first, which only one waiter can do, and looked at again there: a
 * lock that was taken or touched since the judgement is alive and goes back.
 * @param {string} folder
 * @param {number} touch the mark the judgement was made on
 */
function takeOver(folder, touch) {
  const aside = `${folder}.${process.pid}`;
  try {
    renameSync(folder, aside);
    if (touchOf(aside) !== touch) renameSync(aside, folder);
  } catch {
    // Another waiter was faster.
  }
  rmSync(aside, { recursive: true, force: true });
}
