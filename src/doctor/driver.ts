/** Reads the version and devices that NVIDIA's driver reports. */
import { execFile } from 'node:child_process';

import type { NvidiaDriver } from '../libtorch/install/types.js';

/** The oldest driver that CUDA 13 works with (NVIDIA's CUDA 13.0 release notes, Linux). */
export const DRIVER_NEEDED = '580';

const PATIENCE_MS = 20_000;

/** Null where there is no `nvidia-smi`, or it finds no driver or no GPU. */
export function nvidiaDriver(): Promise<NvidiaDriver | null> {
  return new Promise((resolve) => {
    execFile(
      'nvidia-smi',
      ['--query-gpu=driver_version,name,memory.total,compute_cap', '--format=csv,noheader,nounits'],
      { timeout: PATIENCE_MS, windowsHide: true },
      (error, stdout) => {
        resolve(error ? null : parseDriver(stdout));
      },
    );
  });
}

/** One line a GPU: `580.65.06, NVIDIA H100 80GB HBM3, 81559, 9.0`. */
function parseDriver(text: string): NvidiaDriver | null {
  const rows = text
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length === 4);
  const version = rows[0]?.[0];
  if (version === undefined || !/^\d+(\.\d+)*$/.test(version)) return null;
  return {
    version,
    gpus: rows.map(([, name = '', memory = '', computeCapability = '']) => ({
      name,
      memoryMiB: Number(memory) || 0,
      computeCapability,
    })),
  };
}
