/** Public types of the export of checkpoints. */
import type { ModelMetadata, SelfCheckResult } from '../types.js';
import type { ExportDataset } from './datasets.js';
import type { CheckpointLayout } from './layouts.js';

/** Step of an export: `hash` and `read` the checkpoint, `write` the model, `check` it in the engine. */
export type ExportStage = 'hash' | 'read' | 'write' | 'check';

/** Progress of an export; `done` and `total` count bytes, in `check` steps. */
export interface ExportProgress {
  stage: ExportStage;
  done: number;
  total: number;
}

/** Options of `exportModel`. */
export interface ExportOptions {
  /** Data set the weights were trained on. Decides the model's default protocol and the meaning of its scores. */
  dataset: ExportDataset;
  /** Path of the model file to write. It appears there complete or not at all; a file that is there is replaced. */
  output: string;
  /** Name of the model. Default `hyperiqa-resnet50-<dataset>`. */
  name?: string;
  /** Version of the model. Default `1`. */
  version?: string;
  /** Licence of the weights. Default `unknown`. */
  license?: string;
  /** One sentence on the training data. Default: the dataset's, with the name of a checkpoint that is recognised. */
  description?: string;
  /** SHA-256 that the checkpoint must have, 64 hexadecimal digits. */
  sha256?: string;
  /** Folder of the LibTorch to use. Default: see docs/install.md. */
  libtorch?: string;
  /** Called as the work goes on. */
  onProgress?: (progress: ExportProgress) => void;
  /** Ends the call early: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
}

/** The written model file, and the checkpoint that it was made of. */
export interface ExportResult {
  /** Absolute path of the model file. */
  path: string;
  /** Size and SHA-256 of the model file. */
  bytes: number;
  sha256: string;
  /** The content of its `hyperiqa.json`. */
  metadata: ModelMetadata;
  /** The self-check of the finished file. */
  selfCheck: SelfCheckResult;
  checkpoint: {
    /** Absolute path. */
    path: string;
    bytes: number;
    sha256: string;
    /** `zip`: written by PyTorch 1.6 or later, `legacy`: before. */
    format: 'zip' | 'legacy';
    /** Naming scheme of its weights: that of the authors' code or pyiqa's. */
    layout: CheckpointLayout;
    /** Name of the known checkpoint that it is; null for other files. */
    known: string | null;
  };
}
