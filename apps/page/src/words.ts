/** Numbers as people read them. */

const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 1234567 -> `1,234,567` */
export function countText(value: number): string {
  return count.format(value);
}

/** Nats a character. */
export function lossText(loss: number): string {
  return loss.toFixed(3);
}

/** 0.1234 -> `12 %`; what is nearly nothing or all is not called so. */
export function shareText(share: number): string {
  if (share > 0 && share < 0.01) return '< 1 %';
  if (share > 0.99 && share < 1) return '> 99 %';
  return `${Math.round(share * 100)} %`;
}

/** Seconds as `12 ms`, `4.2 s`, `45 s`, `3 min 20 s`, `2 h 5 min` or `3 d 4 h`. */
export function durationText(seconds: number): string {
  if (seconds > 0 && seconds < 1) return `${(seconds * 1000).toPrecision(seconds < 0.01 ? 2 : 3)} ms`;
  if (seconds < 10 && seconds > 0) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [unit, units] = UNITS.find(([, length]) => whole >= length) ?? ['s', 1];
  const [smaller, length] = UNITS[UNITS.findIndex(([name]) => name === unit) + 1] ?? ['', 0];
  const rest = length === 0 ? 0 : Math.floor((whole % units) / length);
  return `${Math.floor(whole / units)} ${unit}${rest === 0 ? '' : ` ${rest} ${smaller}`}`;
}

/** A moment of the day, `23:45` or `23:45:10`. */
export function clockText(time: Date, withSeconds: boolean): string {
  return (withSeconds ? clockWithSeconds : clock).format(time);
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockWithSeconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
];

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 123456789 -> `123 MB` */
export function bytesText(bytes: number): string {
  const power = Math.min(BYTE_UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${BYTE_UNITS[power]}`;
}
