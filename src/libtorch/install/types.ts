/** Public types of runtime management. A runtime is a LibTorch that `hyperiqa runtime` has put into the cache folder. */
import type { LibTorchCandidate } from '../locate.js';
import type { RuntimeInfo } from '../../types.js';
import type { RuntimeKind } from '../runtime-folders.js';

export type { RuntimeKind } from '../runtime-folders.js';

/** Progress of an installation. */
export interface RuntimeProgress {
  /** `download`: bytes fetched; `unpack`: bytes written; `verify`: bytes read. */
  phase: 'download' | 'unpack' | 'verify';
  /** Name of the current file. Empty while a program (pip) does the work. */
  file: string;
  bytes: number;
  /** All bytes of this phase; null where they are not known. */
  totalBytes: number | null;
}

/** Origin of the files of a runtime, and the evidence for their integrity. */
export interface RuntimeOrigin {
  /** Name of the wheel, archive or folder. */
  name: string;
  /** The place it was taken from: `pip`, or the address (without credentials) or path. */
  from: string;
  /** SHA-256 of the wheel or archive; null for a folder. */
  sha256: string | null;
  /** Size of the wheel or archive in bytes; null for a folder. */
  bytes: number | null;
  /**
   * `release`: the very file that this version of hyperiqa knows by its SHA-256; `caller`: the SHA-256 that the caller
   * gave; `none`: nothing but the file's own checksums (the wheel's RECORD, the archive's CRC-32), which tell damage but
   * not forgery.
   */
  verified: 'release' | 'caller' | 'none';
}

/** An installed runtime. */
export interface InstalledRuntime {
  kind: RuntimeKind;
  /** Absolute path of the folder that holds LibTorch's `lib`: what the `libtorch` option takes. */
  path: string;
  /** Version of the build, with its suffix: `2.13.0+cu130`. */
  version: string;
  /** Size of all files, bytes. */
  bytes: number;
  files: number;
  /** ISO 8601, UTC. */
  installedAt: string;
  origins: RuntimeOrigin[];
  /** True for the one in use. */
  inUse: boolean;
  /** Fault visible at a glance (a file is missing or of another size), else null. `verifyRuntime` reads every byte. */
  problem: string | null;
}

/** A runtime that can be installed on this platform. */
export interface AvailableRuntime {
  kind: RuntimeKind;
  /** LibTorch's version. */
  version: string;
  /** Size of the download, bytes: of the wheels that this version of hyperiqa knows. */
  downloadBytes: number;
  wheels: { file: string; version: string; bytes: number; sha256: string }[];
}

/** Runtimes that are installed, and those that can be. */
export interface RuntimeList {
  /** Folder of all runtimes; null without a cache folder. */
  folder: string | null;
  installed: InstalledRuntime[];
  available: AvailableRuntime[];
  /** The runtime in use; null where none is. */
  inUse: RuntimeKind | null;
}

/** Options of `installRuntime`. */
export interface InstallRuntimeOptions {
  /**
   * Wheels, a LibTorch archive (.zip), folders (of wheels, or that hold LibTorch's `lib`) or http(s) addresses to install
   * from. An address may end in `#sha256=…`. Default: pip downloads the wheels, with the package index that it is set to.
   */
  from?: string | readonly string[];
  /** SHA-256 (hexadecimal) that the one wheel or archive in `from` must have. */
  sha256?: string;
  /** Install anew what is installed already. Default false. */
  force?: boolean;
  /** Ends the installation; nothing of it stays. */
  signal?: AbortSignal;
  /** Called as the work goes on. */
  onProgress?: (progress: RuntimeProgress) => void;
}

/** Options of `verifyRuntime`. */
export interface VerifyRuntimeOptions {
  /** Ends the call early: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
  /** Called as the work goes on. */
  onProgress?: (progress: RuntimeProgress) => void;
}

/** Result of `verifyRuntime`; `intact` is true if `problems` is empty. */
export interface RuntimeVerification {
  kind: RuntimeKind;
  path: string;
  intact: boolean;
  /** Files that were read and compared with the SHA-256 of their installation. */
  files: number;
  bytes: number;
  problems: { file: string; problem: 'missing' | 'changed' | 'unknown' }[];
}

/** A place where LibTorch is looked for, and what is there. */
export type { LibTorchCandidate } from '../locate.js';

/** NVIDIA's driver, as `nvidia-smi` tells. */
export interface NvidiaDriver {
  version: string;
  gpus: { name: string; memoryMiB: number; computeCapability: string }[];
}

/** Options of `probeRuntime` and `doctor`. */
export interface ProbeOptions {
  /** Folder of the LibTorch to use, as in `LoadOptions`. */
  libtorch?: string;
  /** Ends the call early: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
}

/** Findings of a separate process about the libraries. */
export interface RuntimeProbe {
  libtorch: {
    version: string;
    path: string;
    source: string;
    /** Every place where LibTorch is looked for, in order; the first usable one is the one in use. */
    candidates: LibTorchCandidate[];
  };
  /** Absolute path of the native addon. */
  addon: string;
  cuda: RuntimeInfo['cuda'];
  /** Null where there is none, or it does not answer. */
  driver: NvidiaDriver | null;
}

/** One thing that `doctor` looked at. */
export interface DoctorCheck {
  id: 'node' | 'platform' | 'cache' | 'libtorch' | 'addon' | 'cuda' | 'sharp' | 'model' | 'runtimes' | 'install-source';
  /** `problem`: images cannot be scored; `warning`: something works worse than it could; `skipped`: not looked at. */
  status: 'ok' | 'warning' | 'problem' | 'skipped';
  message: string;
  /** Remedy; null if nothing is to be done. */
  remedy: string | null;
}

/** State of the installation, check by check. */
export interface DoctorReport {
  /** True if no check is a `problem`. */
  ok: boolean;
  checks: DoctorCheck[];
  system: {
    platform: string;
    /** `glibc 2.36`, or the name of another C library; null outside of Linux. */
    libc: string | null;
    node: string;
    hyperiqa: string;
    driver: NvidiaDriver | null;
  };
  libtorch: {
    /** The one in use; null where none can be used. */
    chosen: { version: string; path: string; source: string } | null;
    candidates: LibTorchCandidate[];
  };
  cuda: RuntimeInfo['cuda'] | null;
  runtimes: RuntimeList;
  /** Source of `runtime install` when no file is named; `none`: files must be named. */
  installSource: { kind: 'pip' | 'none'; detail: string };
}
