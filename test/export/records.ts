import { InputFile } from '../../src/export/input-file.js';
import { readRecords } from '../../src/export/torch-zip.js';

/** The records of an archive in their order. */
export async function recordsOf(path: string): Promise<Map<string, Buffer>> {
  const result = new Map<string, Buffer>();
  await using file = await InputFile.open(path);
  for (const [name, { position, length }] of await readRecords(file))
    result.set(name, await file.read(position, length));
  return result;
}
