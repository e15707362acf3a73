/** Unpacks wheels: every file is held against the wheel's own list of hashes (RECORD). */
import { parse } from 'csv-parse/sync';

import { failure } from './failures.js';
import { normalised } from './wheel-name.js';
import type { Archive } from './zip.js';

/** A file of a runtime, as written. */
export interface UnpackedFile {
  /** Below the runtime's folder, with `/`. */
  path: string;
  bytes: number;
  sha256: string;
}

export interface UnpackOptions {
  signal?: AbortSignal | undefined;
  /** Bytes written so far of all that will be. */
  onProgress: (bytes: number, total: number) => void;
  /** Called before anything is written, with all bytes that will be. */
  onTotal?: (total: number) => Promise<void>;
}

/** Hashes by file, as RECORD lists them (PyPA's binary distribution format). */
type Hashes = ReadonlyMap<string, string>;

/**
 * Name and version that a wheel says it is of, and its list of hashes.
 *
 * @throws HyperIQAError ERR_RUNTIME_ARCHIVE for a zip file that is no wheel
 */
export async function readWheel(archive: Archive): Promise<{ project: string; version: string; hashes: Hashes }> {
  const folders = [...archive.files.keys()].flatMap((file) => /^([^/]+\.dist-info)\/RECORD$/.exec(file)?.[1] ?? []);
  const [folder] = folders;
  const metadata = folders.length === 1 ? await archive.text(`${folder}/METADATA`) : undefined;
  const record = folders.length === 1 ? await archive.text(`${folder}/RECORD`) : undefined;
  const header = (name: string) => new RegExp(`^${name}: *(.*?)\\r?$`, 'mi').exec(metadata ?? '')?.[1];
  const [project, version] = [header('Name'), header('Version')];
  if (record === undefined || project === undefined || version === undefined) {
    throw failure('ERR_RUNTIME_ARCHIVE', `${archive.name} is no wheel: it lacks METADATA or RECORD.`);
  }
  return { project: normalised(project), version, hashes: parseRecord(record, archive.name) };
}

function parseRecord(text: string, name: string): Hashes {
  let rows: string[][];
  try {
    rows = parse(text, { relaxColumnCount: true, skipEmptyLines: true });
  } catch (cause) {
    throw failure('ERR_RUNTIME_ARCHIVE', `${name} has a RECORD that cannot be read.`, cause);
  }
  return new Map(
    rows.flatMap(([file, hash]) => {
      const digest = /^sha256=([\w-]+)=*$/.exec(hash ?? '')?.[1];
      return file === undefined || digest === undefined
        ? []
        : [[file, Buffer.from(digest, 'base64url').toString('hex')]];
    }),
  );
}

/**
 * Writes some files of an archive into a folder.
 *
 * @param files Pairs of the name in the archive and the path in the folder.
 * @param hashes Each file's SHA-256, where the archive lists them; a file that it does not list is refused.
 * @throws HyperIQAError ERR_RUNTIME_ARCHIVE
 */
export async function unpack(
  archive: Archive,
  files: readonly (readonly [file: string, target: string])[],
  hashes: Hashes | null,
  folder: string,
  { signal, onProgress, onTotal }: UnpackOptions,
): Promise<UnpackedFile[]> {
  const total = files.reduce((sum, [file]) => sum + (archive.files.get(file)?.uncompressedSize ?? 0), 0);
  await onTotal?.(total);
  const written: UnpackedFile[] = [];
  let done = 0;
  for (const [file, target] of files) {
    signal?.throwIfAborted();
    const { sha256, bytes } = await archive.extract(file, folder, target, {
      signal,
      onBytes: (count) => {
        onProgress((done += count), total);
      },
    });
    if (hashes && hashes.get(file) !== sha256) {
      const what = hashes.has(file) ? 'its SHA-256 is not the one in RECORD' : 'RECORD does not list it';
      throw failure('ERR_RUNTIME_ARCHIVE', `${archive.name} is damaged or was changed: ${file}: ${what}.`);
    }
    written.push({ path: target, bytes, sha256 });
  }
  return written;
}
