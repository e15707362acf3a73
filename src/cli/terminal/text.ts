/** Text for people: file names and messages made safe for a terminal. */

/** C0 and C1 controls, line separators and direction overrides: what could move the cursor or disguise a name. */
// eslint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text on one line, with control characters written as escapes. */
export function printable(text: string): string {
  return text.replace(
    unsafe,
    (character) => short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** One line on stderr in the tool's voice. */
export function tell(message: string): void {
  process.stderr.write(`hyperiqa: ${printable(message)}\n`);
}

/** Like `tell`, for messages with line breaks of our own and without names from outside. */
export function tellLines(message: string): void {
  process.stderr.write(`hyperiqa: ${message.split('\n').map(printable).join('\n')}\n`);
}

/** Warns that an output could not be locked against other runs. */
export function tellUnlocked(path: string): void {
  tell(`${path} is on a system without locks: let no other run write to it`);
}

/** `1 image`, `2 images`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
