/** The datasets that an export knows the protocol and the scale of; models/hyperiqa/metadata.py says what they are. */

export const exportDatasets = [
  'koniq10k',
  'bid',
  'live',
  'csiq',
  'tid2013',
  'livec',
  'kadid10k',
  'spaq',
  'kadid-synthetic',
  'kadid-synthetic-livec',
] as const;

/** Name of a data set that weights may have been trained on. */
export type ExportDataset = (typeof exportDatasets)[number];
