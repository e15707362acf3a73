/** Text of others inside our messages: long enough to be recognised, short enough for a log line. */

/** Characters of one text that a message repeats, at most. */
const LONGEST = 200;
/** The end of a path is its file name, which tells most. */
const TAIL = 80;

/** A text without its middle where it is long: `start…end (5000 characters)`. */
export function shorten(text: string): string {
  if (text.length <= LONGEST) return text;
  const note = ` (${text.length} characters)`;
  return `${text.slice(0, LONGEST - TAIL - note.length - 1)}…${text.slice(-TAIL)}${note}`;
}

/** Length that lines of our own explanations, with their lists of names, stay below. */
const LONGEST_LINE = 1000;

/**
 * A message in which no text without spaces (a path, base64, a URL) is longer than `shorten` makes it, and no line is endless:
 * a net for what was not shortened where it was put in.
 */
export function shortenWords(message: string): string {
  if (message.length <= LONGEST) return message;
  return message
    .replace(/\S{201,}/g, shorten)
    .split('\n')
    .map((line) => (line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST)}… ${line.slice(-LONGEST)}`))
    .join('\n');
}
