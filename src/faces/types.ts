/** Public types of face detection. */
import type {
  Device,
  DecodePolicy,
  Info,
  InputLimits,
  ModelIdentity,
  Provenance,
  QueueLimits,
  RawImage,
  SelfCheckResult,
  Warning,
} from '../types.js';

export interface DetectorLoadOptions extends QueueLimits {
  /** Run whatever the file holds, as in `LoadOptions`. Default false. */
  trustModel?: boolean;
  /** Default `cpu`: the networks are small. */
  device?: Device;
  /** Images detected in at once on the CPU. Default: one for each physical core that the process may use. */
  threads?: number;
  /** Folder of the LibTorch to use, as in `LoadOptions`. */
  libtorch?: string;
  /** Recompute the model's check values at load and refuse the model if they differ. Default true. */
  selfCheck?: boolean;
  /** Ends the load, as in `LoadOptions`. */
  signal?: AbortSignal;
}

export interface DetectOptions extends InputLimits {
  /** Detections below this are not faces, 0 to 1. Default 0.9. (The networks' own threshold of 0.7 stays in force.) */
  minConfidence?: number;
  /** Faces whose box has a shorter side below this are not kept, pixels. Default: all are. */
  minFaceSize?: number;
  /**
   * About the smallest face that is looked for, pixels, from 12. Smaller ones take much longer to find. Default: the
   * model's own (20), or `minFaceSize` where that is smaller.
   */
  searchSize?: number;
  /** Keep a face only where the image has exactly one that is large enough. Default false: keep all. */
  exactlyOne?: boolean;
  /** Added around the box for the crop on each side, as a share of the box's width and height, 0 to 10. Default 0. */
  margin?: number;
  /**
   * Cut the kept faces out: fills in `Face.pixels`. Together the crops may have as many pixels as `limitInputPixels` allows
   * an image. Default false.
   */
  crops?: boolean;
  /** Ends the call early: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
}

export interface DetectAllOptions extends DetectOptions {
  /** Inputs pulled and not yet handed out. Default: enough to keep the detector busy; never more than `maxPending`. */
  concurrency?: number;
  /** `input` (default): results in the order of the inputs; `completed`: as they are ready. */
  order?: 'input' | 'completed';
}

/** Left and right are the viewer's. */
export type LandmarkName = 'leftEye' | 'rightEye' | 'nose' | 'leftMouth' | 'rightMouth';

/** A rectangle: left and top edge, and size, in pixels. */
export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A face, in pixels of the decoded image (upright, where EXIF says how). */
export interface Face {
  /** Fractional, and perhaps over the edges of the image. */
  box: Rectangle;
  /** 0 to 1. */
  confidence: number;
  landmarks: Record<LandmarkName, { x: number; y: number }>;
  /** Large enough, and with `exactlyOne` the only one that is. */
  kept: boolean;
  /** The box with the margin, in whole pixels inside the image: what is cut out. */
  crop: Rectangle;
  /** The crop's pixels, with `crops` for the kept ones: an image to be scored or stored. */
  pixels?: RawImage;
}

/**
 * `ok`: at least one face is kept; `no-face`: none was found; `too-small`: all that were found are; `several`: with
 * `exactlyOne`, more than one is large enough.
 */
export type FaceStatus = 'ok' | 'no-face' | 'too-small' | 'several';

/** Data needed to detect the same faces again. */
export interface DetectionProvenance {
  readonly model: ModelIdentity;
  readonly decode: DecodePolicy;
  readonly minConfidence: number;
  readonly minFaceSize: number;
  readonly searchSize: number;
  readonly exactlyOne: boolean;
  readonly margin: number;
  readonly device: string;
  readonly versions: Provenance['versions'];
}

/** Faces of an image with status, warnings and provenance. */
export interface DetectResult {
  status: FaceStatus;
  /** All that were found with enough confidence, the largest first. */
  faces: Face[];
  /** Size of the decoded image, pixels. */
  width: number;
  height: number;
  warnings: Warning[];
  provenance: DetectionProvenance;
}

/** The content of a face detector's `hyperiqa.json`; see docs/model-format.md. */
export interface DetectorMetadata {
  readonly formatVersion: number;
  readonly kind: 'faces';
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly training: { readonly dataset: string; readonly description: string };
  readonly license: string;
  readonly weightsSha256: string;
  readonly sourceSha256: string | null;
  readonly detection: {
    readonly decode: DecodePolicy;
    /** Smallest face looked for by default, pixels. */
    readonly searchSize: number;
    readonly pyramidFactor: number;
    /** Thresholds for the probabilities of the three networks. */
    readonly thresholds: readonly number[];
    readonly landmarks: readonly LandmarkName[];
  };
  readonly selfCheck: { readonly values: readonly number[]; readonly tolerance: number };
  readonly exporter: { readonly torch: string; readonly hyperiqa: string };
}

/** Description of a loaded face detector and of the way it runs. */
export interface DetectorInfo {
  readonly model: DetectorMetadata & { readonly path: string; readonly sha256: string };
  readonly device: { readonly id: string; readonly name: string };
  /** Reason for which `auto` did not choose CUDA; null if it did or was not asked. */
  readonly fallbackReason: string | null;
  /** Images detected in at once. */
  readonly workers: number;
  readonly selfCheck: SelfCheckResult | null;
  readonly libtorch: Info['libtorch'];
  readonly versions: Provenance['versions'];
}
