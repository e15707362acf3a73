/** Messages of the library in the words of the command line. */

/** Options of the API, and the flags that set them. The others have the same name, or cannot be set. */
const flags: Record<string, string> = {
  batchSize: 'batch-size',
  exactlyOne: 'exactly-one',
  graphMode: 'graph-mode',
  limitInputBytes: 'max-bytes',
  limitInputPixels: 'max-pixels',
  maxCrops: 'max-crops',
  maxStandardError: 'max-standard-error',
  minConfidence: 'min-confidence',
  minFaceSize: 'min-face-size',
  searchSize: 'search-size',
  trustModel: 'trust-model',
};

/** Options whose names are words of their own: they are told by their place in a message. */
const words = ['concurrency', 'crops', 'device', 'margin', 'opacity', 'protocol', 'range', 'replace', 'seed', 'stride'];

// A name inside a path or another name is none.
const named = new RegExp(`(?<![\\w./\\\\-])(${Object.keys(flags).join('|')})(?![\\w/\\\\-]|\\.\\w)`, 'g');
const leading = new RegExp(`^(${words.join('|')})(?= must be |: )`);
const spoken = new RegExp(`\\bthe option (${words.join('|')})\\b`, 'g');

/** The message with flags where it names options: `raise limitInputPixels` becomes `raise --max-pixels`. */
export function inFlags(message: string): string {
  return message
    .replace(named, (name: string) => `--${flags[name] ?? name}`)
    .replace(leading, '--$1')
    .replace(spoken, '--$1')
    .replaceAll('the option --', '--');
}
