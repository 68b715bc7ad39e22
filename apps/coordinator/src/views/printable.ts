/**
 * Text that came from somewhere else (another machine, a file) as one line that a terminal only shows: a name or an
 * error message must not be able to move the cursor, set a title or turn the direction of writing. `strip-ansi` and
 * its like remove what is well-formed and let the rest through; here every control character is shown by its number.
 */

/** C0 and C1 controls, line and paragraph separators, marks that change the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
