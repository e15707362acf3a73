/** The lines of a text, without holding it as one string: a table may be longer than a string can be. */

export interface Line {
  /** Line number, counted from 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * Lines that end with LF or CRLF; with CR where there is no LF.
 *
 * @param blank - Whether lines without any content count.
 */
export function* linesOf(bytes: Buffer, { blank }: { blank: boolean }): Generator<Line, void, undefined> {
  const separator = bytes.includes(0x0a) ? 0x0a : 0x0d;
  let number = 1;
  for (let start = 0; start < bytes.length; number++) {
    const found = bytes.indexOf(separator, start);
    const end = found < 0 ? bytes.length : found;
    const text = bytes.toString('utf8', start, end).replace(/\r$/, '');
    if (blank || text.trim() !== '') yield { number, text };
    start = end + 1;
  }
}
