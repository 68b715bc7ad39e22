/**
 * A screenplay is a text of commands and of what the machine did at each, two spaces further in. Playing it keeps the
 * commands and comments and writes the rest anew, so that a change of behaviour is a change of the text.
 *
 *   # a comment
 *   given 2 workers, 4 shards      the setting, once, before the first command
 *   > a joins                      a command
 *     -> a 1.0 welcome ...         its trace
 */

/** Plays the commands of one kind of screenplay. */
export interface Stage {
  /** @returns the lines of the trace, or undefined for a command that it does not know */
  perform(command: string): readonly string[] | undefined;
}

/** @param open makes the stage from the words after `given` */
export function play(text: string, open: (given: string) => Stage): string {
  const lines: string[] = [];
  let stage: Stage | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('  ')) continue;
    lines.push(line);
    if (line.startsWith('given ')) stage = open(line.slice('given '.length));
    if (!line.startsWith('> ')) continue;
    if (stage === undefined) throw new Error(`line ${index + 1}: a command before the line that begins with "given"`);
    const trace = stage.perform(line.slice('> '.length));
    if (trace === undefined) throw new Error(`line ${index + 1}: nobody understands "${line}"`);
    lines.push(...trace.map((one) => `  ${one}`));
  }
  return lines.join('\n');
}

type Handler = (...words: string[]) => readonly string[];

/** Commands by their pattern; groups of the pattern become arguments, missing ones are empty. */
export class Vocabulary implements Stage {
  readonly #entries: (readonly [RegExp, Handler])[] = [];

  on(pattern: RegExp, handler: Handler): void {
    this.#entries.push([new RegExp(`^(?:${pattern.source})$`), handler]);
  }

  perform(command: string): readonly string[] | undefined {
    for (const [pattern, handler] of this.#entries) {
      const match = pattern.exec(command);
      if (match !== null) return handler(...match.slice(1).map((word: string | undefined) => word ?? ''));
    }
    return undefined;
  }
}

/** The number before a word of the setting, as in `3 shards`. */
export function numberOf(given: string, word: string, otherwise: number): number {
  const match = new RegExp(`([\\d.]+) ${word}s?\\b`).exec(given);
  return match?.[1] === undefined ? otherwise : Number(match[1]);
}
