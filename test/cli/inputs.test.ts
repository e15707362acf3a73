/** Tests which files the arguments of `score` stand for, and in which order. */
import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byCodePoint, expand } from '../../src/cli/input/inputs.js';
import { readList } from '../../src/cli/input/list.js';
import { records, score, scratch, scratchPhotos } from './cli.js';

/** A folder with empty files of these names; folders end with a slash. */
function tree(...names: string[]): string {
  const folder = scratch();
  for (const name of names) {
    if (name.endsWith('/')) mkdirSync(join(folder, name), { recursive: true });
    else writeFileSync(join(folder, name), '');
  }
  return folder;
}

async function expanded(args: string[], { recursive = false, list = '' } = {}) {
  const files: string[] = [];
  for await (const { file, error } of expand(args, { recursive, list: [Buffer.from(list)] as never })) {
    files.push(error ? `${file}: ${error.code}` : file);
  }
  return files;
}

async function listed(...chunks: (string | Buffer)[]) {
  const paths: string[] = [];
  for await (const path of readList(chunks.map((chunk) => Buffer.from(chunk as string)))) paths.push(path);
  return paths;
}

test('a folder contributes its visible images, sorted by bytes and joined with the name', async () => {
  const names = [
    'b.JPG',
    'B.png',
    'a10.jpg',
    'a9.jpg',
    'é.webp',
    'notes.txt',
    '.hidden.jpg',
    'sub/',
    'sub/x.jpg',
    'jpg',
  ];
  const folder = tree(...names.filter((name) => name !== 'sub/x.jpg'), 'sub/x.jpg');
  const sorted = ['B.png', 'a10.jpg', 'a9.jpg', 'b.JPG', 'é.webp'];
  expect(await expanded([folder])).toEqual(sorted.map((name) => `${folder}/${name}`));
  expect(await expanded([`${folder}/`])).toEqual(sorted.map((name) => `${folder}/${name}`));
});

test('--recursive goes into folders, in the order of whole paths', async () => {
  const folder = tree('a-b.jpg', 'a/', 'a/z.jpg', 'a/.x/', 'a/.x/no.jpg', 'a0.jpg', 'b/', 'b/c/', 'b/c/d.png');
  const sorted = ['a-b.jpg', 'a/z.jpg', 'a0.jpg', 'b/c/d.png'];
  expect(await expanded([folder], { recursive: true })).toEqual(sorted.map((name) => `${folder}/${name}`));
});

test('linked files count, linked folders are not walked, a link to nothing is tried', async () => {
  const folder = tree('a.jpg', 'sub/', 'sub/b.jpg');
  symlinkSync(join(folder, 'sub/b.jpg'), join(folder, 'link.jpg'));
  symlinkSync(folder, join(folder, 'sub/circle'));
  symlinkSync(join(folder, 'gone'), join(folder, 'broken.jpg'));
  const sorted = ['a.jpg', 'broken.jpg', 'link.jpg', 'sub/b.jpg'];
  expect(await expanded([folder], { recursive: true })).toEqual(sorted.map((name) => `${folder}/${name}`));
});

test.skipIf(process.getuid?.() === 0)('a folder that cannot be read is an error in its place', async () => {
  const folder = tree('a/', 'b/', 'b/x.jpg');
  chmodSync(join(folder, 'a'), 0);
  expect(await expanded([folder], { recursive: true })).toEqual([`${folder}/a: ERR_IMAGE_READ`, `${folder}/b/x.jpg`]);
  chmodSync(join(folder, 'a'), 0o700);
});

test('named files are tried whatever they are called, as often as they are named', async () => {
  const folder = tree('a.txt');
  const args = [`${folder}/a.txt`, `${folder}/none`, `${folder}/a.txt`];
  expect(await expanded(args)).toEqual(args);
});

test('patterns name their matches as a shell would; a file of just that name goes first', async () => {
  const folder = tree('a1.jpg', 'a2.jpg', 'b.png', '[x].jpg', 'sub/', 'sub/a3.jpg', '.a4.jpg');
  expect(await expanded([`${folder}/a*.jpg`])).toEqual([`${folder}/a1.jpg`, `${folder}/a2.jpg`]);
  expect(await expanded([`${folder}/**/a*.jpg`])).toEqual(
    ['a1.jpg', 'a2.jpg', 'sub/a3.jpg'].map((n) => `${folder}/${n}`),
  );
  expect(await expanded([`${folder}/{b,none}.*`])).toEqual([`${folder}/b.png`]);
  expect(await expanded([`${folder}/[x].jpg`])).toEqual([`${folder}/[x].jpg`]);
  expect(await expanded([`${folder}/z*.jpg`])).toEqual([`${folder}/z*.jpg: ERR_IMAGE_NOT_FOUND`]);
  expect(await expanded(['./package.js*'])).toEqual(['./package.json']);
  expect(await expanded(['package.js*'])).toEqual(['package.json']);
});

test.each([
  'sub (2)',
  'sub[1]',
  '{a,b}',
  '!x',
  '@(y)',
  '+(z)',
  'a*b',
  'c?d',
  '(a|b)',
  'deep (1)/in [2]',
  'back\\slash',
])('a folder called %s is taken literally before a pattern', async (name) => {
  const folder = tree(`${name}/`, `${name}/x.jpg`, `${name}/y.png`, `${name}/z (1)!.jpg`);
  expect(await expanded([`${folder}/${name}/*.jpg`])).toEqual(
    ['x.jpg', 'z (1)!.jpg'].map((file) => `${folder}/${name}/${file}`),
  );
  expect(await expanded([`${folder}/${name}/**/{x,y}.*`])).toEqual(
    ['x.jpg', 'y.png'].map((file) => `${folder}/${name}/${file}`),
  );
});

test('a pattern in a folder with special characters, on the command line', async () => {
  const cwd = scratchPhotos('x.jpg');
  mkdirSync(join(cwd, 'sub (2)'));
  renameSync(join(cwd, 'x.jpg'), join(cwd, 'sub (2)', 'x.jpg'));
  const { code, stdout } = await score(['sub (2)/*.jpg', '--crops', 'center'], { cwd });
  expect(code).toBe(0);
  expect(records(stdout).map(({ file }) => file)).toEqual(['sub (2)/x.jpg']);
});

test('in patterns only * ? [ ] { } and \\ are special, wherever the others stand', async () => {
  const folder = tree(
    'a (1).jpg',
    'a 1.jpg',
    '!b.jpg',
    '@(c).jpg',
    'd+.jpg',
    'e|f.jpg',
    'sub/',
    'sub/(g)/',
    'sub/(g)/h.jpg',
  );
  const of = async (pattern: string) =>
    (await expanded([`${folder}/${pattern}`])).map((f) => f.slice(folder.length + 1));
  expect(await of('a (*).jpg')).toEqual(['a (1).jpg']);
  expect(await of('!*.jpg')).toEqual(['!b.jpg']);
  expect(await of('@(*).jpg')).toEqual(['@(c).jpg']);
  expect(await of('?+.jpg')).toEqual(['d+.jpg']);
  expect(await of('*|*.jpg')).toEqual(['e|f.jpg']);
  expect(await of('*/(g)/*.jpg')).toEqual(['sub/(g)/h.jpg']);
  expect(await of('[!a!@de]*.jpg')).toEqual(['[!a!@de]*.jpg: ERR_IMAGE_NOT_FOUND']);
  expect(await of('[!!@de]*.jpg')).toEqual(['a (1).jpg', 'a 1.jpg']);
  expect(await of('a \\(1\\).j*')).toEqual(['a (1).jpg']);
  expect(await of('(none).jpg')).toEqual(['(none).jpg']);
});

test('ranges in braces stand for each of their members, and too many alternatives are refused', async () => {
  const numbers = Array.from({ length: 12 }, (_, i) => `n${i + 1}.jpg`);
  const folder = tree(...numbers, 'n01.jpg', 'na.jpg', 'nb.jpg');
  const of = async (pattern: string) =>
    (await expanded([`${folder}/${pattern}`])).map((file) => file.replace(`${folder}/`, ''));
  expect(await of('n{1..12}.jpg')).toEqual([...numbers].sort());
  expect(await of('n{12..9}.jpg')).toEqual(['n10.jpg', 'n11.jpg', 'n12.jpg', 'n9.jpg']);
  expect(await of('n{1..12..5}.jpg')).toEqual(['n1.jpg', 'n11.jpg', 'n6.jpg']);
  expect(await of('n{01..03}.jpg')).toEqual(['n01.jpg']);
  expect(await of('n{a..c}.jpg')).toEqual(['na.jpg', 'nb.jpg']);
  expect(await of('n1{,{0,1}}.jpg')).toEqual(['n1.jpg', 'n10.jpg', 'n11.jpg']);
  expect(await of('n{1..1000}.jpg')).toHaveLength(12);
  const long = `{${numbers.join()},${'longer than a name may be'.repeat(12)}}`;
  expect(await of(long)).toEqual([...numbers].sort());
  for (const bomb of ['n{1..1001}.jpg', 'n{1..999999999}.jpg', '{a,b}'.repeat(40), '*'.repeat(60_000)]) {
    expect(await of(bomb), bomb.slice(0, 40)).toEqual([`${bomb}: ERR_INVALID_ARGUMENT`]);
  }
});

test('patterns find hidden names only where they ask for them', async () => {
  const folder = tree('a.jpg', '._a.jpg', '.b.jpg', '.h/', '.h/c.jpg', 'v/', 'v/c.jpg');
  const of = async (pattern: string) =>
    (await expanded([`${folder}/${pattern}`])).map((file) => file.replace(`${folder}/`, ''));
  expect(await of('[!x]*.jpg')).toEqual(['a.jpg']);
  expect(await of('[^x]*/c.jpg')).toEqual(['v/c.jpg']);
  expect(await of('**/*.jpg')).toEqual(['a.jpg', 'v/c.jpg']);
  expect(await of('.*.jpg')).toEqual(['._a.jpg', '.b.jpg']);
  expect(await of('.h/*.jpg')).toEqual(['.h/c.jpg']);
  expect(await of('*/.h*')).toEqual(['*/.h*: ERR_IMAGE_NOT_FOUND']);
});

test('patterns count linked files, and walk no circle of linked folders', async () => {
  const folders = Array.from({ length: 9 }, (_, i) => `f${i}`);
  const folder = tree(...folders.flatMap((name) => [`${name}/`, `${name}/x.jpg`]));
  for (const from of folders) {
    for (const to of folders.filter((other) => other !== from)) symlinkSync(`../${to}`, join(folder, from, `to-${to}`));
  }
  symlinkSync('f0/x.jpg', join(folder, 'link.jpg'));
  symlinkSync('f0', join(folder, 'folder.jpg'));
  symlinkSync('gone', join(folder, 'broken.jpg'));
  const of = async (pattern: string) =>
    (await expanded([`${folder}/${pattern}`])).map((file) => file.replace(`${folder}/`, ''));
  expect(await of('**/*.jpg')).toEqual(['broken.jpg', ...folders.map((name) => `${name}/x.jpg`), 'link.jpg']);
  expect(await of('*.jpg')).toEqual(['broken.jpg', 'link.jpg']);
  expect(await of('f0/to-f?/*.jpg')).toHaveLength(8);
  expect(await of('folder.jpg/x.*')).toEqual(['folder.jpg/x.jpg']);
  expect(await of('f[0]/**/x.*')).toEqual(['f0/x.jpg']);
});

test('alternatives of a pattern may start anywhere, and a name comes once for all of them', async () => {
  const folder = tree('a/', 'a/x.jpg', 'b/', 'b/x.jpg');
  expect(await expanded([`{${folder}/a,${folder}/b,knip}*{/x.jpg,.json}`])).toEqual([
    ...['a', 'b'].map((name) => `${folder}/${name}/x.jpg`),
    'knip.json',
  ]);
  expect(await expanded([`${folder}/{a,?,**}/{x,*}.jpg`])).toEqual(['a', 'b'].map((name) => `${folder}/${name}/x.jpg`));
});

test('a pattern that ends with a slash names folders and so no image', async () => {
  const folder = tree('a.jpg', 'v/', 'v/c.jpg');
  expect(await expanded([`${folder}/*/`])).toEqual([`${folder}/*/: ERR_IMAGE_NOT_FOUND`]);
});

test('a list names files and folders, one a line or NUL-separated; names in it are no patterns', async () => {
  const folder = tree('a.jpg', 'sub/', 'sub/b.jpg');
  const list = `${folder}/a.jpg\n${folder}/sub\n${folder}/*.jpg\n`;
  expect(await expanded(['x.jpg', '-'], { list })).toEqual([
    'x.jpg',
    `${folder}/a.jpg`,
    `${folder}/sub/b.jpg`,
    `${folder}/*.jpg`,
  ]);
});

test('lists: LF, CRLF, no end of line at the end, byte order mark, empty lines, pieces of any size', async () => {
  expect(await listed('a\nb\n')).toEqual(['a', 'b']);
  expect(await listed('\ufeffa\r\n\r\nb c\r\n')).toEqual(['a', 'b c']);
  expect(await listed('a\nb')).toEqual(['a', 'b']);
  expect(await listed('\ufeffa')).toEqual(['a']);
  expect(await listed('')).toEqual([]);
  const bytes = Buffer.from('é.jpg\n日本.jpg\n');
  expect(await listed(...[...bytes].map((byte) => Buffer.from([byte])))).toEqual(['é.jpg', '日本.jpg']);
});

test('lists: NUL keeps line breaks and carriage returns in names', async () => {
  expect(await listed('a\nb.jpg\0c\r\0')).toEqual(['a\nb.jpg', 'c\r']);
  await expect(listed('a\n', 'b\0c\n')).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
});

test('lists: an image instead of a list is told from one', async () => {
  await expect(listed(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0]))).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringContaining('not an image'),
  });
});

test('lists: a list that cannot be read is an error of the command line', async () => {
  const broken = (async function* () {
    yield await Promise.resolve(Buffer.from('a\n'));
    throw new Error('EISDIR');
  })();
  const paths = readList(broken);
  expect((await paths.next()).value).toBe('a');
  await expect(paths.next()).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
});

test('names sort by code point, as their UTF-8 bytes do', () => {
  const names = ['\u{1f600}', '\uffee', '\ud7ff', 'z', 'Z', '', 'za', 'é', '\u{10000}'];
  const bytewise = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect([...names].sort(byCodePoint)).toEqual(bytewise);
});

test('files of any name are scored and named as they were given', async () => {
  const names = [' space .jpg', '-dash.jpg', '10009096245.jpg', 'line\nbreak.jpg', 'ü 日本 🙂.jpg', '[1]*.jpg'];
  const cwd = scratchPhotos(...names);
  const folder = await score(['.', '--crops', 'center'], { cwd });
  expect(folder.code).toBe(0);
  expect(records(folder.stdout).map(({ file }) => file)).toEqual([...names].sort(byCodePoint).map((n) => `./${n}`));
  const nul = await score(['-', '--crops', 'center'], { cwd, input: names.map((name) => `${name}\0`).join('') });
  expect(nul.code).toBe(0);
  expect(records(nul.stdout).map(({ file }) => file)).toEqual(names);
  const named = await score(['--crops', 'center', '[1]*.jpg'], { cwd });
  expect(records(named.stdout).map(({ file }) => file)).toEqual(['[1]*.jpg']);
});

test('a list of lines on standard input keeps its order among the other arguments', async () => {
  const cwd = scratchPhotos('a.jpg', 'b.jpg', 'c.jpg');
  const { code, stdout } = await score(['c.jpg', '-', 'c.jpg', '--crops', 'center'], {
    cwd,
    input: 'b.jpg\r\na.jpg\r\n',
  });
  expect(code).toBe(0);
  expect(records(stdout).map(({ file }) => file)).toEqual(['c.jpg', 'b.jpg', 'a.jpg', 'c.jpg']);
});
