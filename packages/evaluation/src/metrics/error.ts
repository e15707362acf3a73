/** The error of the metrics: a class of their own, because they run without Node.js and without hyperiqa. */

/** Input that no figure can be computed from; `code` is stable and meant for programs, as that of a `HyperIQAError`. */
export class MetricsError extends Error {
  override readonly name = 'MetricsError';
  readonly code = 'ERR_INVALID_ARGUMENT';
}
