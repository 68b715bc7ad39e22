/** How much a line matters. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Of a line that is no record of ours: what a library, native code or Node itself printed. */
export type ShownLevel = LogLevel | 'raw';

export function isLogLevel(value: unknown): value is LogLevel {
  return LOG_LEVELS.some((level) => level === value);
}

/** Raw lines count as warnings: nobody can tell what they are worth, and a crash says its last words in them. */
export function isAtLeast(level: ShownLevel, least: LogLevel): boolean {
  const rank = (one: LogLevel): number => LOG_LEVELS.indexOf(one);
  return rank(level === 'raw' ? 'warn' : level) >= rank(least);
}
