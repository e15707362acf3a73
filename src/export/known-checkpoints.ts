/** Published checkpoints that are recognised by their bytes. */

export interface KnownCheckpoint {
  sha256: string;
  /** Bytes. */
  size: number;
  /** Title of the checkpoint, for the description of the training data. */
  title: string;
  /** Data set that it was trained on. */
  dataset: string;
}

const KNOWN: readonly KnownCheckpoint[] = [
  {
    // https://github.com/SSL92/hyperIQA, "pretrained model", linked from its README
    sha256: 'ff9277bcc68ecc10e77d88b6d0a32825ec3c85562095542734ec6212eaaf6d81',
    size: 109_768_650,
    title: "the authors' koniq_pretrained.pkl",
    dataset: 'koniq10k',
  },
];

export function knownCheckpoint(sha256: string): KnownCheckpoint | undefined {
  return KNOWN.find((known) => known.sha256 === sha256);
}
