/** The reader of standard output has gone: nothing is wrong, and nothing more is wanted. */
export class ClosedPipe extends Error {}
