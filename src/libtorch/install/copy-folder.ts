/** Takes a runtime from a folder that holds LibTorch: an unpacked archive, or a PyTorch in a Python environment. */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { libraryFiles } from '../locate.js';
import { Hashing } from '../../files/sha256.js';
import { keeps, type Purpose } from './kept-files.js';
import type { UnpackedFile, UnpackOptions } from './unpack-wheel.js';

/** The folder that holds `lib`, given that one or the one above it (`site-packages`, an archive's parent). */
export function torchIn(folder: string): string | undefined {
  return [folder, join(folder, 'torch'), join(folder, 'libtorch')]
    .map((path) => resolve(path))
    .find((path) => libraryFiles(path).every((file) => existsSync(file)));
}

/** Copies what a runtime keeps. Links are followed: the copy has files. */
export async function copyRuntime(
  torch: string,
  purpose: Purpose,
  destination: string,
  { signal, onProgress, onTotal }: UnpackOptions,
): Promise<UnpackedFile[]> {
  const files = await filesOf(torch, purpose);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  await onTotal?.(total);
  const written: UnpackedFile[] = [];
  let done = 0;
  for (const { from, path } of files) {
    const target = join(destination, ...path.split('/'));
    await mkdir(dirname(target), { recursive: true });
    const hashing = new Hashing((count) => {
      onProgress((done += count), total);
    });
    await pipeline(
      [createReadStream(from, { highWaterMark: 1 << 20 }), hashing, createWriteStream(target, { flags: 'wx' })],
      signal ? { signal } : {},
    );
    written.push({ path, bytes: hashing.bytes, sha256: hashing.sha256() });
  }
  return written;
}

/** Files as a wheel would name them: LibTorch's own, and NVIDIA's packages that lie beside PyTorch. */
async function filesOf(torch: string, purpose: Purpose): Promise<{ from: string; path: string; bytes: number }[]> {
  const places: [folder: string, prefix: string][] = [
    [join(torch, 'lib'), 'torch/lib/'],
    [torch, 'torch/'],
  ];
  // Beside what the folder really is: an environment may link to it.
  const beside = join(dirname(await realpath(torch)), 'nvidia');
  for (const folder of await librariesBelow(beside)) places.push([join(beside, folder), `nvidia/${folder}/`]);
  const found = await Promise.all(
    places.map(async ([folder, prefix]) => {
      const names = (await readdir(folder)).filter((name) => keeps(purpose, prefix + name)).sort();
      const entries = await Promise.all(
        names.map(async (name) => ({ name, stats: await stat(join(folder, name)).catch(() => null) })),
      );
      return entries.flatMap(({ name, stats }) =>
        stats?.isFile() ? [{ from: join(folder, name), path: prefix + name, bytes: stats.size }] : [],
      );
    }),
  );
  return found.flat();
}

/** `cudnn/lib`, `cu13/lib` …; none where there is no such folder. */
async function librariesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.map((name) => `${name}/lib`).filter((name) => existsSync(join(folder, name)));
}
