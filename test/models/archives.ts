/** Model files rewritten for tests: the records of one, with some of them changed. */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { writeArchive } from '../../src/export/archive.js';
import { InputFile } from '../../src/export/input-file.js';
import { readRecords } from '../../src/export/torch-zip.js';
import { root } from '../native/setup.js';

export const faceModel = join(root, 'models/mtcnn-faces.pt');
export const qualityModel = join(root, 'models/hyperiqa-lite0.pt');

/** Records by their names within the archive's folder, in the order of the file. */
export type Records = Map<string, Buffer>;

export async function recordsOf(path: string): Promise<Records> {
  await using file = await InputFile.open(path);
  const bytes = await readFile(path);
  const records: Records = new Map();
  for (const [name, { position, length }] of await readRecords(file)) {
    records.set(name.slice(name.indexOf('/') + 1), bytes.subarray(position, position + length));
  }
  return records;
}

/** Writes an archive; names that end with a number sign and a digit are written without it, to have a name twice. */
export async function writeRecords(path: string, records: Iterable<readonly [string, Buffer]>): Promise<string> {
  await using file = await open(path, 'w');
  const named = [...records].map(([name, bytes]) => ({ name: `archive/${name.replace(/#\d$/, '')}`, bytes }));
  await writeArchive(file, named, () => undefined);
  return path;
}

/** A copy of a model file in which one record is replaced or added. */
export async function withRecord(from: string, to: string, name: string, bytes: Buffer | string): Promise<string> {
  return await writeRecords(to, new Map(await recordsOf(from)).set(name, Buffer.from(bytes)));
}

/** Opcodes of a pickle that give an object of a class of `__torch__.net` with these attributes, each given by opcodes. */
export function pickledObject(name: string, attributes: Record<string, string>): string {
  const state = Object.entries(attributes).map(([key, value]) => pickledText(key) + value);
  return `c__torch__.net\n${name}\n)\x81}(${state.join('')}ub`;
}

export const pickledText = (text: string): string => `X${String.fromCharCode(text.length)}\0\0\0${text}`;

/** A quality model whose whole code is this, as the module `net`, and whose object is that of these opcodes. */
export async function withModule(to: string, code: string, object: string, recordOfCode = 'net'): Promise<string> {
  const records = await recordsOf(qualityModel);
  for (const name of records.keys()) if (/^(code|data|constants)\//.test(name)) records.delete(name);
  records.set(`code/__torch__/${recordOfCode}.py`, Buffer.from(code));
  records.set('data.pkl', Buffer.from(`\x80\x02${object}.`, 'latin1'));
  records.set('constants.pkl', Buffer.from('\x80\x02).', 'latin1'));
  return await writeRecords(to, records);
}

/** The module of the package's model that holds its one method. */
export const NETWORK = '__torch__.hyperiqa.network.___torch_mangle_0';
export const networkRecord = `code/${NETWORK.replaceAll('.', '/')}.py`;

/** The package's model with other statements in its forward, which returns `result`; further definitions may follow. */
export async function withForward(to: string, statements: string, result = 'torch.to(patches, 6)', more = ''): Promise<string> {
  const code = (await recordsOf(qualityModel)).get(networkRecord)?.toString() ?? '';
  const signature = 'patches: Tensor) -> Tensor:\n';
  const start = code.indexOf(signature) + signature.length;
  if (start < signature.length) throw new Error(`${networkRecord} of ${qualityModel} has no forward.`);
  const indented = statements.split('\n').map((line) => (line === '' ? '' : `    ${line}\n`));
  const changed = `${code.slice(0, start)}${indented.join('')}    return ${result}\n${more}`;
  return await withRecord(qualityModel, to, networkRecord, changed);
}
