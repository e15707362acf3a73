/** A cache folder of its own for each test file, over the LibTorch that is there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { findLibTorch } from '../helpers/libtorch.js';


/** Call it at the top of a test file. Child processes that inherit the environment have the same cache. */
export function useOwnCache(): void {
  const before = process.env.HYPERIQA_CACHE;
  let folder: string;
  beforeAll(() => {
    process.env.HYPERIQA_LIBTORCH ??= findLibTorch().path;
    folder = mkdtempSync(join(tmpdir(), 'hyperiqa-cache-'));
    process.env.HYPERIQA_CACHE = folder;
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    if (before === undefined) delete process.env.HYPERIQA_CACHE;
    else process.env.HYPERIQA_CACHE = before;
  });
}
