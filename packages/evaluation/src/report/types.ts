/** Types of the report. */
import type { Evaluation, Predictions, RatedImages } from '../evaluation/index.js';

/** Subject of a report: predictions with human scores and their evaluation, or predictions alone. */
export type ReportInput =
  { readonly data: RatedImages; readonly evaluation: Evaluation } | { readonly predictions: Predictions };

export interface ReportOptions {
  /** Heading of the page. Default: "Image quality report". */
  title?: string;
  /** Folder with the images, searched with its subfolders. Default: the paths that the predictions name. */
  images?: string;
  /** Folder with patch-score maps: pictures called as the image, with or without `-map`, `.map`, `_map` or `-overlay`. */
  maps?: string;
  /** Images in each list of the gallery, 0 to 100. Default 8. */
  gallery?: number;
  /** Draw pictures and gallery. False: figures and tables only, for a small page at once. Default true. */
  drawn?: boolean;
  /** Folder in which the page will lie: links to images are relative to it. Default: the working directory. */
  folder?: string;
  signal?: AbortSignal;
}

/** A picture of the report, on its own. */
export interface Picture {
  /** Fit for a file name: `scatter-hyperiqa`. */
  readonly name: string;
  readonly title: string;
  /** A whole SVG document in light colours. */
  readonly svg: string;
}

export interface Report {
  /** The page: one self-contained HTML document. */
  readonly html: string;
  readonly pictures: readonly Picture[];
}

/** An image as the report shows it. @internal */
export interface ReportImage {
  readonly name: string;
  /** The human score. */
  readonly mos: number | null;
  readonly scores: readonly (number | null)[];
  /** Path of the image; null if it was not found. */
  readonly path: string | null;
}

/** A predictor with what its pictures need. @internal */
export interface ReportPredictor {
  readonly name: string;
  /** Index among the scores of an image. */
  readonly index: number;
  readonly higherIsBetter: boolean;
  /** Maps predictions to the scale of the human scores by the logistic fit; undefined without a fit. */
  readonly fitted: ((score: number) => number) | undefined;
  /** RMSE after the fit. */
  readonly rmse: number | null;
  /** Maps predictions for drawing beside human scores: unchanged, or linearly. */
  readonly comparable: ((score: number) => number) | undefined;
  readonly mapped: boolean;
}

/** Data for the pictures and the page. @internal */
export interface ReportModel {
  readonly images: readonly ReportImage[];
  readonly predictors: readonly ReportPredictor[];
  readonly evaluation: Evaluation | undefined;
}
