/** Work that a command line of `score` asks for. */
import type { LoadOptions, ScoreAllOptions } from '../../index.js';
import type { DetectOptions, DetectorLoadOptions } from '../../faces/index.js';
import type { Format } from '../records/formats.js';
import type { Shard } from '../input/shard.js';

export interface Plan {
  paths: string[];
  recursive: boolean;
  /** Share of the images that is to be scored; undefined for all. */
  shard: Shard | undefined;
  format: Format;
  provenance: boolean;
  output: string | undefined;
  resume: boolean;
  quiet: boolean;
  /** A score; images that are worse are below the gate. */
  gate: number | undefined;
  model: string | undefined;
  loading: LoadOptions;
  scoring: Omit<ScoreAllOptions, 'signal' | 'order' | 'seed'> & { seed: bigint };
  /** Faces are to be scored beside the images. */
  faces: FacesPart | undefined;
}

/** Settings of face detection for `score --faces`. */
export interface FacesPart {
  model: string | undefined;
  loading: DetectorLoadOptions;
  detecting: Omit<DetectOptions, 'signal' | 'crops'>;
}
