/** Model files that would do harm: each is loaded by the real addon, in a child process that must live. */
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findLibTorch } from '../../src/native/libtorch.js';
import { faceModel, qualityModel, recordsOf, withForward, withRecord, writeRecords, type Records } from './archives.js';

interface Outcome {
  code: string;
  message: string;
  milliseconds: number;
  rss: number;
}

const child = fileURLToPath(new URL('./hostile-child.mjs', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-hostile-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Kind = 'quality' | 'faces';

/** What comes of files that are loaded one after the other in one process, which must end well and write nothing. */
async function load(files: Iterable<readonly [Kind, string]>): Promise<Outcome[]> {
  const place = mkdtempSync(join(folder, 'place-'));
  const running = fork(child, [], {
    cwd: place,
    silent: true,
    execArgv: [],
    env: {
      ...process.env,
      HYPERIQA_LIBTORCH: findLibTorch().path,
      HYPERIQA_CACHE: join(folder, 'cache'),
      HOME: place,
      TMPDIR: place,
    },
  });
  let said = '';
  for (const stream of [running.stdout, running.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const outcomes: Outcome[] = [];
  running.on('message', (outcome: Outcome) => outcomes.push(outcome));
  const ended = new Promise((resolve) => running.once('close', (code, signal) => resolve([code, signal])));
  running.stdin?.end([...files].map((file) => `${JSON.stringify(file)}\n`).join(''));
  expect([await ended, said]).toEqual([[0, null], '']);
  expect(readdirSync(place)).toEqual([]);
  return outcomes;
}

const loadOne = async (path: string, kind: Kind = 'quality'): Promise<Outcome> => (await load([[kind, path]]))[0]!;

/** What the file that a hostile model names holds afterwards. */
const target = () => {
  const path = join(folder, 'target');
  writeFileSync(path, 'before');
  return path;
};

const NETWORK = 'code/__torch__/hyperiqa/network.py';
const deep = (open: string, inner: string, close = '') => open.repeat(100_000) + inner + close.repeat(100_000);

describe('code', () => {
  test.each<[string, (file: string) => [statements: string, more?: string], RegExp]>([
    ['aten::save', (file) => [`torch.save(patches, "${file}")`], /network\.py, line \d+: it uses torch\.save/],
    ['aten::from_file', (file) => [`y = torch.from_file("${file}", True, 10)`], /torch\.from_file/],
    ['save as a method', (file) => [`(patches).save("${file}", )`], /it calls the method save/],
    ['save as another namespace', (file) => [`ops.aten.save(patches, "${file}")`], /ops\.aten\.save/],
    ['print', () => ['print("printed")'], /it calls print/],
    ['warn', () => ['ops.prim.Print("printed")'], /ops\.prim\.Print/],
    ['a loop without end', () => ['while True:\n  pass'], /while/],
    ['a long loop', () => ['for i in range(1000000000000):\n  pass'], /"torch" is expected/],
    ['a loop over a loop', () => ['for i in range(torch.len([1])):\n  for j in range(torch.len([1])):\n    pass'], /nested/],
    [
      'save while it is loaded',
      (file) => [
        '',
        `class Saver(Module):\n  x : int\n  def __setstate__(self: __torch__.hyperiqa.network.Saver, state: int) -> NoneType:\n    torch.save(state, "${file}")\n    return None\n`,
      ],
      /it defines __setstate__/,
    ],
    [
      'an endless load',
      () => [
        '',
        'class Saver(Module):\n  x : int\n  def __setstate__(self: __torch__.hyperiqa.network.Saver, state: int) -> NoneType:\n    while True:\n      pass\n    return None\n',
      ],
      /it defines __setstate__/,
    ],
    ['a list that grows', () => ['y = torch.mul([1], 1000000000000)'], /aten::mul\.left_t/],
    ['a custom class', () => ['y = __torch__.torch.classes.quantized.Conv2dPackedParamsBase(patches, )'], /torch\.classes/],
  ])('%s', async (name, code, words) => {
    const file = target();
    const [statements, more] = code(file);
    const path = await withForward(join(folder, 'code.pt'), statements, undefined, more);
    const { code: found, message } = await loadOne(path);
    expect({ name, found, message }).toEqual({ name, found: 'ERR_MODEL_UNTRUSTED', message: expect.stringMatching(words) });
    expect(readFileSync(file, 'utf8')).toBe('before');
  });

  test.each([
    ['parentheses', deep('(', 'patches', ')'), 'ERR_MODEL_FORMAT'],
    ['lists', deep('[', 'patches', ']'), 'ERR_MODEL_FORMAT'],
    ['calls', deep('torch.neg(', 'patches', ')'), 'ERR_MODEL_FORMAT'],
    ['elements', deep('', 'patches', '[0]'), 'ERR_MODEL_FORMAT'],
    ['attributes', deep('', 'patches', '.T'), 'ERR_MODEL_FORMAT'],
    ['unary minuses', deep('-', '1'), 'ERR_MODEL_UNTRUSTED'],
    ['nots', deep('not ', 'True'), 'ERR_MODEL_UNTRUSTED'],
    ['powers', deep('2 ** ', '1'), 'ERR_MODEL_UNTRUSTED'],
    ['choices', deep('1 if True else ', '1'), 'ERR_MODEL_UNTRUSTED'],
    ['sums', deep('1 + ', '1'), 'ERR_MODEL_UNTRUSTED'],
    ['inversions', deep('~', '1'), 'ERR_MODEL_UNTRUSTED'],
  ])('100,000 nested %s', async (_, expression, code) => {
    const path = await withForward(join(folder, 'deep.pt'), `y = ${expression}`);
    const outcome = await loadOne(path);
    // The long ones are cut short by the limit of a record before they are read.
    expect(['ERR_MODEL_FORMAT', code]).toContain(outcome.code);
    const short = await withForward(join(folder, 'short.pt'), `y = ${expression.length > 200_000 ? shorten(expression) : expression}`);
    expect((await loadOne(short)).code).toBe(code);
  });

  test('what stays within the limits loads without harm, and only its scores are wrong', async () => {
    const paths: [Kind, string][] = [];
    const result = 'torch.mean(torch.to(y, 6), [1, 2, 3])';
    const add = async (name: string, statements: string, more = '') => {
      paths.push(['quality', await withForward(join(folder, name), statements, result, more)]);
    };
    await add('nested.pt', `y = ${'torch.add('.repeat(60)}patches${', 1)'.repeat(60)}`);
    await add('long.pt', `y = patches\n${'y = torch.add(y, 1)\n'.repeat(1000)}`);
    let chain = '';
    for (let i = 0; i < 30; i++) {
      const next = i === 29 ? 'x' : `__torch__.hyperiqa.network.f${i + 1}(x, )`;
      chain += `def f${i}(x: Tensor) -> Tensor:\n  return ${next}\n`;
    }
    await add('chain.pt', 'y = __torch__.hyperiqa.network.f0(patches, )', chain);
    for (const { code } of await load(paths)) expect(code).toBe('ERR_MODEL_SELF_CHECK');
  });

  test('calls that double with every function', async () => {
    let more = '';
    for (let i = 0; i < 25; i++) {
      const next = i === 24 ? 'x' : `__torch__.hyperiqa.network.f${i + 1}(x, )`;
      more += `def f${i}(x: Tensor) -> Tensor:\n  return torch.add(${next}, ${next})\n`;
    }
    const path = await withForward(join(folder, 'double.pt'), 'y = __torch__.hyperiqa.network.f0(patches, )', undefined, more);
    expect(await loadOne(path)).toMatchObject({ code: 'ERR_MODEL_FORMAT', message: expect.stringMatching(/nodes/) });
  });
});

/** As deep as fits into a record of the largest size. */
function shorten(expression: string): string {
  const middle = expression.length / 2;
  return expression.startsWith('patches') ? expression.slice(0, 200_000) : expression.slice(middle - 50_000, middle + 50_000);
}

describe('records', () => {
  const expectRefused = async (path: string, words: RegExp, code = 'ERR_MODEL_FORMAT') => {
    expect(await loadOne(path)).toMatchObject({ code, message: expect.stringMatching(words) });
  };
  const replaced = (name: string, bytes: Buffer | string) => withRecord(qualityModel, join(folder, 'record.pt'), name, bytes);

  test('a description of more than 1 MB', async () => {
    await expectRefused(await replaced('extra/hyperiqa.json', `{"a":"${'a'.repeat(2 ** 20)}"}`), /hyperiqa\.json has \d+ bytes/);
  });

  test('a description with many keys, and one twice', async () => {
    const keys = Array.from({ length: 90_000 }, (_, i) => `"${i}":0,`).join('');
    await expectRefused(await replaced('extra/hyperiqa.json', `{${keys}"7":1}`), /the key "7" occurs twice/);
  });

  test('a description that nests', async () => {
    await expectRefused(await replaced('extra/hyperiqa.json', '['.repeat(500_000)), /nested too deeply/);
  });

  test('code that is too long', async () => {
    await expectRefused(await replaced(NETWORK, 'def f(x: Tensor) -> Tensor:\n' + '  pass\n'.repeat(50_000)), /bytes, and/);
  });

  test('records that no model has', async () => {
    await expectRefused(await replaced('run.sh', 'rm -rf'), /it has the record run\.sh/, 'ERR_MODEL_UNTRUSTED');
    await expectRefused(await replaced('model.json', '{}'), /before PyTorch 1\.4/);
    await expectRefused(await replaced('../../evil', 'x'), /a name that is not allowed/);
    await expectRefused(await replaced('code\\evil.py', 'x'), /a name that is not allowed/);
  });

  test('two records of a name, also where only case differs', async () => {
    const records = [...(await recordsOf(qualityModel))];
    const path = join(folder, 'twice.pt');
    await expectRefused(await writeRecords(path, [...records, ['data.pkl#2', Buffer.from('x')]]), /two records named/);
    await expectRefused(await writeRecords(path, [...records, ['DATA.pkl', Buffer.from('x')]]), /two records named/);
  });

  test('missing parts', async () => {
    const records = await recordsOf(qualityModel);
    for (const [name, words] of [
      ['data.pkl', /incomplete/],
      ['constants.pkl', /checkpoint/],
      ['extra/hyperiqa.json', /without hyperiqa\.json/],
      ['data/0', /the record of storage "0" is missing/],
    ] as const) {
      const rest = [...records].filter(([other]) => other !== name);
      await expectRefused(await writeRecords(join(folder, 'missing.pt'), rest), words);
    }
  });

  test('a storage that is shorter than its tensor says', async () => {
    const bytes = (await recordsOf(qualityModel)).get('data/0')!;
    await expectRefused(await replaced('data/0', bytes.subarray(0, bytes.length - 4)), /storage "0" has \d+ bytes, not/);
  });
});

describe('the archive', () => {
  /** The end of the archive, and the first entry of its directory. */
  const parts = (bytes: Buffer) => {
    const end = bytes.length - 22;
    return { end, entry: bytes.readUInt32LE(end + 16) };
  };

  test.each<[string, RegExp, (bytes: Buffer) => Buffer]>([
    ['encrypted', /encrypted/, (b) => (b.writeUInt16LE(1, parts(b).entry + 8), b)],
    ['compressed in an unknown way', /unknown way/, (b) => (b.writeUInt16LE(12, parts(b).entry + 10), b)],
    ['on two disks', /several disks/, (b) => (b.writeUInt16LE(1, parts(b).end + 4), b)],
    ['with a comment', /after its end/, (b) => Buffer.concat([(b.writeUInt16LE(4, parts(b).end + 20), b), Buffer.from('text')])],
    ['with bytes after its end', /after its end/, (b) => Buffer.concat([b, Buffer.from('text')])],
    ['with bytes before it', /not where its end says|overlap/, (b) => Buffer.concat([Buffer.from('PK\x03\x04'), b])],
    ['with more records than it has', /damaged/, (b) => (b.writeUInt16LE(9999, parts(b).end + 8), b.writeUInt16LE(9999, parts(b).end + 10), b)],
    ['with more records than anybody needs', /more than 10000/, (b) => (b.writeUInt16LE(60_000, parts(b).end + 8), b.writeUInt16LE(60_000, parts(b).end + 10), b)],
    ['with a directory of 4 GB', /too large/, (b) => (b.writeUInt32LE(0xfffffff0, parts(b).end + 12), b)],
    ['with a record of 4 GB', /larger than 4 GiB/, (b) => (b.writeUInt32LE(0xffffffff, parts(b).entry + 24), b)],
    ['with a record that reaches beyond the file', /beyond its end/, (b) => (b.writeUInt32LE(0x7fffffff, parts(b).entry + 20), b.writeUInt32LE(0x7fffffff, parts(b).entry + 24), b)],
    ['with a record of two sizes', /two sizes/, (b) => (b.writeUInt32LE(10, parts(b).entry + 24), b)],
    ['with a record elsewhere', /not where the directory says/, (b) => (b.writeUInt32LE(64, parts(b).entry + 42), b)],
  ])('%s', async (name, words, change) => {
    const path = join(folder, 'archive.pt');
    writeFileSync(path, change(readFileSync(faceModel)));
    expect({ name, ...(await loadOne(path, 'faces')) }).toMatchObject({
      name,
      code: 'ERR_MODEL_FORMAT',
      message: expect.stringMatching(words),
    });
  });

  test('a compressed record is no bomb', async () => {
    // 200 MB of spaces in 200 kB, as code.
    const bomb = deflateRawSync(Buffer.alloc(200_000_000, ' '), { level: 9 });
    const path = await withRecord(faceModel, join(folder, 'bomb.pt'), 'code/__torch__/bomb.py', bomb);
    const bytes = readFileSync(path);
    const nameAt = bytes.lastIndexOf('archive/code/__torch__/bomb.py');
    const entry = nameAt - 46;
    const local = bytes.readUInt32LE(entry + 42);
    for (const header of [local + 8, entry + 10]) bytes.writeUInt16LE(8, header);
    for (const claimed of [200_000_000, 1000]) {
      for (const size of [local + 22, entry + 24]) bytes.writeUInt32LE(claimed, size);
      writeFileSync(path, bytes);
      const { code, rss } = await loadOne(path, 'faces');
      expect(code).toBe('ERR_MODEL_FORMAT');
      expect(rss).toBeLessThan(400e6);
    }
  });

  test('cut off anywhere, and changed anywhere', { timeout: 400_000 }, async () => {
    const whole = readFileSync(faceModel);
    const records = await recordsOf(faceModel);
    const files: [Kind, string][] = [];
    mkdirSync(join(folder, 'fuzz'));
    const add = (bytes: Buffer) => {
      const path = join(folder, 'fuzz', `${files.length}.pt`);
      writeFileSync(path, bytes);
      files.push(['faces', path]);
    };
    const random = xoroshiro128plus(20_261_127);
    const pick = (from: number, to: number) => uniformInt(random, from, to);
    // Regions in turn, because all but the last hundredth of the file is numbers.
    const regions: [number, number][] = [
      [0, 200],
      [whole.indexOf(records.get('data.pkl')!), records.get('data.pkl')!.length],
      [whole.indexOf(records.get('code/__torch__/faces/mtcnn.py')!), 6000],
      [whole.readUInt32LE(whole.length - 6), whole.length - 22 - whole.readUInt32LE(whole.length - 6)],
      [whole.length - 22, 22],
      [0, whole.length],
    ];
    for (let i = 0; i < 300; i++) {
      const [start, length] = regions[i % regions.length]!;
      const changed = Buffer.from(whole);
      for (let n = pick(1, 4); n > 0; n--) changed[start + pick(0, length - 1)] = pick(0, 255);
      add(changed);
    }
    for (let i = 0; i < 30; i++) add(whole.subarray(0, pick(1, whole.length - 1)));
    const outcomes = await load(files);
    expect(outcomes).toHaveLength(files.length);
    const counts = new Map<string, number>();
    for (const { code } of outcomes) counts.set(code, (counts.get(code) ?? 0) + 1);
    // Changed numbers of weights show in the self-check, or not at all.
    for (const code of counts.keys()) {
      expect(['loaded', 'ERR_MODEL_FORMAT', 'ERR_MODEL_UNTRUSTED', 'ERR_MODEL_SELF_CHECK']).toContain(code);
    }
    expect(outcomes.slice(300).map(({ code }) => code)).toEqual(Array(30).fill('ERR_MODEL_FORMAT'));
    expect(counts.get('ERR_MODEL_FORMAT')).toBeGreaterThan(100);
    expect(Math.max(...outcomes.map(({ rss }) => rss))).toBeLessThan(800e6);
  });
});

describe('pickles', () => {
  const replaced = (bytes: Buffer) => withRecord(faceModel, join(folder, 'pickle.pt'), 'data.pkl', bytes);
  const pickle = (text: string) => Buffer.from(`\x80\x02${text}`, 'latin1');

  test.each([
    ['another function', 'cos\nsystem\nX\x02\0\0\0ls\x85R.', 'ERR_MODEL_UNTRUSTED', /names os system/],
    ['a custom class', 'c__torch__.torch.classes.x\nY\n)\x81.', 'ERR_MODEL_UNTRUSTED', /torch\.classes/],
    ['an unknown instruction', '\x94.', 'ERR_MODEL_FORMAT', /the instruction 148/],
    ['a text of 4 GB', 'X\xff\xff\xff\xff.', 'ERR_MODEL_FORMAT', /longer than/],
    ['100,000 nested tuples', `)${'\x85'.repeat(100_000)}.`, 'ERR_MODEL_FORMAT', /nest more than/],
    ['a list in itself', ']q\0h\0a.', 'ERR_MODEL_FORMAT', /changes after/],
    ['a memo with a gap', 'Nr\xff\xff\xff\x7f.', 'ERR_MODEL_FORMAT', /gap/],
    ['nothing', '', 'ERR_MODEL_FORMAT', /ends early/],
  ])('%s', async (_, text, code, words) => {
    expect(await loadOne(await replaced(pickle(text)), 'faces')).toMatchObject({ code, message: expect.stringMatching(words) });
  });

  test('a tensor beyond its storage', async () => {
    const bytes = Buffer.from((await recordsOf(faceModel)).get('data.pkl')!);
    // The first tensor's sizes: (10, 3, 3, 3).
    const sizes = bytes.indexOf(Buffer.from([0x28, 0x4b, 10, 0x4b, 3, 0x4b, 3, 0x4b, 3, 0x74]));
    bytes[sizes + 2] = 200;
    expect(await loadOne(await replaced(bytes), 'faces')).toMatchObject({
      code: 'ERR_MODEL_FORMAT',
      message: expect.stringMatching(/larger than its storage|outside its storage/),
    });
  });
});

test('the records of a rewritten archive load as before', async () => {
  const records: Records = await recordsOf(faceModel);
  expect((await loadOne(await writeRecords(join(folder, 'same.pt'), records), 'faces')).code).toBe('loaded');
});
