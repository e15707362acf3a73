/** Manifests: tables of images that other programs write. */
import { open, type FileHandle } from 'node:fs/promises';
import { extname } from 'node:path';
import { parse, type Info } from 'csv-parse';
import type { NamedImage } from '../enqueue/images.js';
import { usage } from './options.js';

/**
 * The images of a manifest: `.csv` with a column `file`, or `.jsonl` of objects with a field `file`; `version` beside it is
 * optional. Any other ending: names, one a line.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export async function* readManifest(path: string): AsyncGenerator<NamedImage, void, undefined> {
  const ending = extname(path).toLowerCase();
  try {
    await using handle = await open(path);
    const rows = ending === '.csv' ? csvRows(handle) : ending === '.jsonl' ? jsonRows(handle) : lines(handle);
    for await (const { place, row } of rows) {
      const { file, version } = (typeof row === 'object' && row !== null ? row : {}) as Record<string, unknown>;
      if (typeof file !== 'string' || file === '') throw usage(`${place} of ${path} has no file.`);
      yield { name: file, ...(typeof version === 'string' && version !== '' && { version }) };
    }
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ERR_INVALID_ARGUMENT') throw error;
    throw usage(`The manifest ${path} cannot be read: ${(error as Error).message}`, error);
  }
}

interface Row {
  place: string;
  row: unknown;
}

async function* csvRows(handle: FileHandle): AsyncGenerator<Row> {
  const parser = handle
    .createReadStream()
    .pipe(parse({ columns: true, bom: true, info: true, skip_empty_lines: true }));
  for await (const one of parser as AsyncIterable<{ record: unknown; info: Info }>) {
    yield { place: `Line ${one.info.lines}`, row: one.record };
  }
}

async function* jsonRows(handle: FileHandle): AsyncGenerator<Row> {
  for await (const { place, row } of lines(handle)) yield { place, row: JSON.parse((row as { file: string }).file) };
}

async function* lines(handle: FileHandle): AsyncGenerator<Row> {
  let number = 0;
  for await (const line of handle.readLines()) {
    number++;
    if (line !== '') yield { place: `Line ${number}`, row: { file: line } };
  }
}
