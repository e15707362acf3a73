/** From the arguments of `score` to the files to be tried, in order and without holding them all. */
import { opendir, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { HyperIQAError, imageExtensions, type ErrorCode } from '../../index.js';
import { readList } from './list.js';
import { excess, filesMatching } from './patterns.js';

/** A file to be tried, or a place that could not be looked into. `file` is as given, a folder joined with the name. */
export interface Entry {
  file: string;
  error?: { code: ErrorCode; message: string };
}

export interface ExpandOptions {
  /** Folders inside folders too. */
  recursive: boolean;
  /** Meaning of `-`. */
  list?: AsyncIterable<Uint8Array>;
}

const extensions = new Set(imageExtensions);

/**
 * Every file that the arguments name: files as they are, folders as their images, `-` as the list's paths, and a
 * pattern as its matches unless a file has just that name. A file named twice comes twice.
 */
export async function* expand(args: readonly string[], options: ExpandOptions): AsyncGenerator<Entry, void, undefined> {
  for (const arg of args) {
    if (arg === '-') {
      for await (const path of readList(options.list ?? [])) yield* fileOrFolder(path, options.recursive);
    } else if ((await kindOf(arg)) === 'nothing' && SPECIAL.test(arg)) {
      yield* matches(arg);
    } else {
      yield* fileOrFolder(arg, options.recursive);
    }
  }
}

async function* fileOrFolder(path: string, recursive: boolean): AsyncGenerator<Entry, void, undefined> {
  if ((await kindOf(path)) === 'folder') yield* imagesIn(path, recursive);
  else yield { file: path };
}

async function kindOf(path: string): Promise<'folder' | 'other' | 'nothing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    // Anything else is left to whoever reads the file, who can say what is wrong. A long pattern is too long for a name.
    const { code = '' } = error as NodeJS.ErrnoException;
    return ['ENOENT', 'ENAMETOOLONG'].includes(code) ? 'nothing' : 'other';
  }
}

const join = (folder: string, name: string) => (folder.endsWith('/') ? folder + name : `${folder}/${name}`);

/** The images of a folder in the order of their paths' bytes, which no locale changes. Hidden names are left out. */
async function* imagesIn(folder: string, recursive: boolean): AsyncGenerator<Entry, void, undefined> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      if (entry.name.startsWith('.')) continue;
      // A linked file counts; a linked folder does not, so that no circle is walked. A link to nothing is tried and
      // fails as a record, because it stands for an image that someone misses.
      const file = entry.isFile() || (entry.isSymbolicLink() && (await linksToFileOrNothing(join(folder, entry.name))));
      if (file && extensions.has(extname(entry.name).toLowerCase())) names.push(entry.name);
      else if (recursive && entry.isDirectory()) names.push(`${entry.name}/`);
    }
  } catch (error) {
    const message = `The folder cannot be read: ${(error as Error).message}`;
    yield { file: folder, error: { code: 'ERR_IMAGE_READ', message } };
    return;
  }
  for (const name of names.sort(byCodePoint)) {
    if (name.endsWith('/')) yield* imagesIn(join(folder, name.slice(0, -1)), recursive);
    else yield { file: join(folder, name) };
  }
}

async function linksToFileOrNothing(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return true;
  }
}

/**
 * The files that match a pattern, named as a shell would name them; an error where there are none. Hidden names must be
 * asked for, and `**` does not follow links to folders, so that no circle is walked.
 */
async function* matches(pattern: string): AsyncGenerator<Entry, void, undefined> {
  const { base, rest } = await literalPart(pattern);
  const tooMuch = await excess(rest);
  if (tooMuch !== undefined) {
    yield { file: pattern, error: { code: 'ERR_INVALID_ARGUMENT', message: tooMuch } };
    return;
  }
  const names = await filesMatching(base, rest);
  if (names.length === 0) {
    yield { file: pattern, error: { code: 'ERR_IMAGE_NOT_FOUND', message: 'No file has this name or matches it.' } };
  }
  for (const file of names.sort(byCodePoint)) yield { file };
}

/**
 * The longest beginning of a pattern that is the name of a folder, whatever characters are in that name, and the rest.
 * Where there is no such folder, the beginning without special characters.
 */
async function literalPart(pattern: string): Promise<{ base: string; rest: string }> {
  const plain = pattern.lastIndexOf('/', pattern.search(SPECIAL)) + 1;
  for (let slash = pattern.lastIndexOf('/'); slash >= plain; slash = pattern.lastIndexOf('/', slash - 1)) {
    const base = pattern.slice(0, slash + 1);
    if ((await kindOf(base)) === 'folder') return { base, rest: pattern.slice(slash + 1) };
  }
  return { base: pattern.slice(0, plain), rest: pattern.slice(plain) };
}

/** Characters that make a pattern of a name. */
const SPECIAL = /[*?[{\\]/;

/** Order of code points, which is that of the UTF-8 bytes. */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** UTF-16 units in the order of the characters they belong to: surrogates stand for characters above U+FFFF. */
const rank = (unit: number) => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);

/**
 * The arguments, refused where they cannot mean anything.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function checkArguments(args: readonly string[]): void {
  if (args.length === 0) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      'Name the images: files, folders, patterns, or - for a list on standard input.',
    );
  }
  if (args.includes('')) throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'A file name is empty.');
  if (args.filter((arg) => arg === '-').length > 1) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', '"-" reads standard input and can be given once only.');
  }
}
