/** Stacks for developers. */

/** Writes an error with its stack and causes to stderr if HYPERIQA_DEBUG is set: they say where it was thrown. */
export function debug(error: unknown): void {
  if (process.env.HYPERIQA_DEBUG) console.error(error);
}
