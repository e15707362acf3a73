/** Public types of quality maps. */
import type { InputLimits, Protocol, ProtocolName, Provenance, Warning } from '../types.js';

export interface MapOptions extends InputLimits {
  /** A named protocol or a complete one; its crops are replaced by the map's grid. Default: the model's own. */
  protocol?: ProtocolName | Protocol;
  /** Largest distance of neighbouring patches, in pixels of the resized image, 4 to 224. Default 32. */
  stride?: number;
  /** Ends the call early: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
}

/** A patch of the grid: left and top edge in the resized image, pixels, and its score. */
export interface MapPatch {
  x: number;
  y: number;
  score: number;
}

/** The quality of every region of an image: scores of overlapping patches on a dense grid. */
export interface QualityMap {
  /** Mean of the patch scores, on the model's scale. (Not the score of the protocol, whose crops are others.) */
  score: number;
  rows: number;
  columns: number;
  /** Row by row; `rows·columns` of them. */
  patches: MapPatch[];
  /** Side of a patch, pixels of the resized image. */
  patchSize: number;
  /** Size of the decoded image, pixels. */
  width: number;
  height: number;
  /** Size of the image that the patches were cut from, pixels. */
  resized: { width: number; height: number };
  /** Scale of the model's scores. */
  scale: { minimum: number; maximum: number; higherIsBetter: boolean };
  warnings: Warning[];
  provenance: Provenance;
}

/** Perceptually uniform colour maps; `cividis` looks the same to most colour-blind people. */
export type MapColors = 'viridis' | 'cividis' | 'magma' | 'inferno' | 'plasma';

/** Options of `mapPicture`. */
export interface MapPictureOptions {
  /** Default `viridis`. */
  colors?: MapColors;
  /**
   * Scores at the ends of the colours. Default: the model's scale, so that maps of different images compare; `auto`: the
   * map's own lowest and highest value.
   */
  range?: 'auto' | readonly [number, number];
  /** Share of the overlay that covers the photograph's own colour, 0 to 1. Default 0.65. */
  opacity?: number;
  /** Draw the scale beside the map. Default true. */
  legend?: boolean;
  /** Bytes of the encoded image, as in `InputLimits`. (The limit on its pixels is the size that the map tells.) */
  limitInputBytes?: number;
  /** Ends the call early: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
}
