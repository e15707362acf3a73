/** Model files that would do harm: each is loaded by the real addon, in a child process that must live. */
import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  faceModel,
  NETWORK,
  networkRecord,
  pickledObject,
  pickledText,
  qualityModel,
  recordsOf,
  withForward,
  withModule,
  withRecord,
  writeRecords,
} from './archives.js';
import { findLibTorch } from '../helpers/libtorch.js';

interface Outcome {
  code: string;
  message: string;
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

/** Loads files one after the other in one process, which must end well and write nothing. */
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
  const ended = new Promise((resolve) => {
    running.once('close', (code, signal) => {
      resolve([code, signal]);
    });
  });
  running.stdin?.end([...files].map((file) => `${JSON.stringify(file)}\n`).join(''));
  expect([await ended, said]).toEqual([[0, null], '']);
  expect(readdirSync(place)).toEqual([]);
  return outcomes;
}

interface Case {
  name: string;
  kind?: Kind;
  path: string;
  /** One of these. */
  codes: string[];
  words: RegExp;
}

/** Loads all in one process, because most of the time goes into starting it. */
async function expectRefusals(cases: readonly Case[]): Promise<void> {
  const outcomes = await load(cases.map(({ kind = 'quality', path }) => [kind, path]));
  const wrong = cases.flatMap(({ name, codes, words }, i) => {
    const { code, message } = outcomes[i] ?? { code: 'none', message: '' };
    return codes.includes(code) && words.test(message) ? [] : [{ name, code, message }];
  });
  expect(wrong).toEqual([]);
}

let files = 0;
/** The path of a file that is not there yet. */
const newFile = () => join(folder, `${++files}.pt`);

/** Content of the file that a hostile model names, after the attempt. */
const target = () => {
  const path = join(folder, 'target');
  writeFileSync(path, 'before');
  return path;
};

const DESCRIPTION = 'extra/hyperiqa.json';

describe('code', () => {
  const operators: [string, (file: string) => [statements: string, more?: string], RegExp][] = [
    ['aten::save', (file) => [`torch.save(patches, "${file}")`], /network\/___torch_mangle_0\.py, line \d+: it uses torch\.save/],
    ['aten::from_file', (file) => [`y = torch.from_file("${file}", True, 10)`], /torch\.from_file/],
    ['save as a method', (file) => [`file = "${file}"\n(patches).save(patches, )`], /it calls the method save/],
    ['save as another namespace', (file) => [`ops.aten.save(patches, "${file}")`], /ops\.aten\.save/],
    ['print', () => ['print("printed")'], /it calls print/],
    ['warn', () => ['ops.prim.Print("printed")'], /ops\.prim\.Print/],
    ['a loop without end', () => ['while True:\n  pass'], /while/],
    ['a long loop', () => ['for i in range(1000000000000):\n  pass'], /"torch" is expected/],
    ['a loop over a loop',
      () => ['y = [1]\nfor i in range(torch.len(y)):\n  for j in range(torch.len(y)):\n    pass'],
      /nested/],
    [
      'save while it is loaded',
      (file) => [
        '',
        `class Saver(Module):\n  x : int\n  def __setstate__(self: ${NETWORK}.Saver, state: int) -> NoneType:\n    torch.save(state, "${file}")\n    return None\n`,
      ],
      /it defines __setstate__/,
    ],
    [
      'an endless load',
      () => [
        '',
        `class Saver(Module):\n  x : int\n  def __setstate__(self: ${NETWORK}.Saver, state: int) -> NoneType:\n    while True:\n      pass\n    return None\n`,
      ],
      /it defines __setstate__/,
    ],
    ['a list that grows', () => ['patches = torch.view(patches, torch.mul([1], 1000000000))'], /aten::mul\.left_t/],
    ['a custom class', () => ['y = __torch__.torch.classes.quantized.Conv2dPackedParamsBase(patches, )'], /torch\.classes/],
  ];
  test('operators and statements that no model needs', async () => {
    const file = target();
    const cases: Case[] = [];
    for (const [name, code, words] of operators) {
      const [statements, more] = code(file);
      const path = await withForward(newFile(), statements, undefined, more);
      cases.push({ name, path, codes: ['ERR_MODEL_UNTRUSTED'], words });
    }
    await expectRefusals(cases);
    expect(readFileSync(file, 'utf8')).toBe('before');
  });

  test('100,000 nested expressions of every kind', async () => {
    const kinds: [name: string, open: string, inner: string, close: string, code: string][] = [
      ['parentheses', '(', 'patches', ')', 'ERR_MODEL_FORMAT'],
      ['lists', '[', 'patches', ']', 'ERR_MODEL_FORMAT'],
      ['calls', 'torch.neg(', 'patches', ')', 'ERR_MODEL_FORMAT'],
      ['elements', '', 'patches', '[0]', 'ERR_MODEL_FORMAT'],
      ['attributes', '', 'patches', '.T', 'ERR_MODEL_FORMAT'],
      ['unary minuses', '-', '1', '', 'ERR_MODEL_UNTRUSTED'],
      ['nots', 'not ', 'True', '', 'ERR_MODEL_UNTRUSTED'],
      ['powers', '2 ** ', '1', '', 'ERR_MODEL_UNTRUSTED'],
      ['choices', '1 if True else ', '1', '', 'ERR_MODEL_UNTRUSTED'],
      ['sums', '1 + ', '1', '', 'ERR_MODEL_UNTRUSTED'],
      ['inversions', '~', '1', '', 'ERR_MODEL_UNTRUSTED'],
    ];
    const cases: Case[] = [];
    for (const [name, open, inner, close, code] of kinds) {
      // The longest are beyond the limit of a record before they are read; these are not.
      const some = Math.floor(200_000 / (open.length + close.length));
      for (const depth of [100_000, some]) {
        const expression = open.repeat(depth) + inner + close.repeat(depth);
        const path = await withForward(newFile(), `y = ${expression}`);
        cases.push({ name: `${depth} ${name}`, path, codes: depth === some ? [code] : [code, 'ERR_MODEL_FORMAT'], words: /./ });
      }
    }
    await expectRefusals(cases);
  });

  test('what stays within the limits loads without harm, and only its scores are wrong', async () => {
    const paths: [Kind, string][] = [];
    const result = 'torch.mean(torch.to(y, 6), [1, 2, 3])';
    const add = async (statements: string, more = '') => {
      paths.push(['quality', await withForward(newFile(), statements, result, more)]);
    };
    await add(`y = ${'torch.add('.repeat(60)}patches${', 1)'.repeat(60)}`);
    await add(`y = patches\n${'y = torch.add(y, 1)\n'.repeat(1000)}`);
    let chain = '';
    for (let i = 0; i < 30; i++) {
      const next = i === 29 ? 'x' : `${NETWORK}.f${i + 1}(x, )`;
      chain += `def f${i}(x: Tensor) -> Tensor:\n  return ${next}\n`;
    }
    await add(`y = ${NETWORK}.f0(patches, )`, chain);
    for (const { code } of await load(paths)) expect(code).toBe('ERR_MODEL_SELF_CHECK');
  });

  test('values that double while the code is read', async () => {
    const doubling = (first: string, next: (name: string) => string) => {
      const lines = [`v0 = ${first}`];
      for (let i = 0; i < 40; i++) lines.push(`v${i + 1} = ${next(`v${i}`)}`);
      lines.push('if torch.eq(torch.dim(patches), 1):\n  ops.prim.RaiseException(v40)\nelse:\n  pass');
      return lines.join('\n');
    };
    const refused: [name: string, statements: string, code: string, words: RegExp][] = [
      ['texts', doubling('"a"', (v) => `torch.add(${v}, ${v})`), 'ERR_MODEL_UNTRUSTED', /computes with a text/],
      ['formats', doubling('"\\173\\175"', (v) => `torch.format(${v}, ${v})`), 'ERR_MODEL_UNTRUSTED', /computes with a text/],
      ['tuples', doubling('(patches, patches)', (v) => `(${v}, ${v})`), 'ERR_MODEL_FORMAT', /tuples/],
      ['tuples of numbers', doubling('(1, 1)', (v) => `(${v}, ${v})`), 'ERR_MODEL_FORMAT', /tuples/],
    ];
    const cases: Case[] = [];
    for (const [name, statements, code, words] of refused) {
      cases.push({ name, path: await withForward(newFile(), statements), codes: [code], words });
    }
    await expectRefusals(cases);
  });

  test('a chain in a record that is found under another case only', async () => {
    let code = '';
    for (let i = 0; i < 900; i++) {
      code += `def f${i}(x: Tensor) -> Tensor:\n  return ${i === 899 ? 'x' : `__torch__.net.f${i + 1}(x, )`}\n`;
    }
    code += 'class Net(Module):\n  training : bool\n  def forward(self: __torch__.net.Net, x: Tensor) -> Tensor:\n';
    code += '    return __torch__.net.f0(x, )\n';
    const path = await withModule(newFile(), code, pickledObject('Net', { training: '\x89' }), 'NET');
    await expectRefusals([{ name: 'chain', path, codes: ['ERR_MODEL_FORMAT'], words: /chain of more/ }]);
  });

  test('calls that double with every function', async () => {
    let more = '';
    for (let i = 0; i < 25; i++) {
      const next = i === 24 ? 'x' : `${NETWORK}.f${i + 1}(x, )`;
      more += `def f${i}(x: Tensor) -> Tensor:\n  return torch.add(${next}, ${next})\n`;
    }
    const path = await withForward(newFile(), `y = ${NETWORK}.f0(patches, )`, undefined, more);
    await expectRefusals([{ name: 'doubling', path, codes: ['ERR_MODEL_FORMAT'], words: /nodes/ }]);
  });
});

test('records that are too large, twice there, missing, or of no model', async () => {
  const records = await recordsOf(qualityModel);
  const keys = Array.from({ length: 90_000 }, (_, i) => `"${i}":0,`).join('');
  const first = records.get('data/0')!;
  const without = (name: string) => [...records].filter(([other]) => other !== name);
  const replaced = (name: string, bytes: Buffer | string) => [...new Map(records).set(name, Buffer.from(bytes))];
  const refused: [name: string, records: (readonly [string, Buffer])[], words: RegExp, code?: string][] = [
    ['a long description', replaced(DESCRIPTION, `{"a":"${'a'.repeat(2 ** 20)}"}`), /hyperiqa\.json has \d+ bytes/],
    ['a key twice among many', replaced(DESCRIPTION, `{${keys}"7":1}`), /the key "7" occurs twice/],
    ['a description that nests', replaced(DESCRIPTION, '['.repeat(500_000)), /nested too deeply/],
    ['long code', replaced(networkRecord, `def f(x: Tensor) -> Tensor:\n${'  pass\n'.repeat(50_000)}`), /bytes, and/],
    ['another record', replaced('run.sh', 'rm -rf'), /it has the record run\.sh/, 'ERR_MODEL_UNTRUSTED'],
    ['an old format', replaced('model.json', '{}'), /before PyTorch 1\.4/],
    ['a path', replaced('../../evil', 'x'), /a name that is not allowed/],
    ['a path of Windows', replaced('code\\evil.py', 'x'), /a name that is not allowed/],
    ['a record twice', [...records, ['data.pkl#2', Buffer.from('x')]], /two records named/],
    ['a record twice in other case', [...records, ['DATA.pkl', Buffer.from('x')]], /two records named/],
    ['no pickle', without('data.pkl'), /incomplete/],
    ['no constants', without('constants.pkl'), /checkpoint/],
    ['no description', without(DESCRIPTION), /without hyperiqa\.json/],
    ['no weights', without('data/0'), /the record of storage "0" is missing/],
    ['a version beyond all numbers', replaced('version', '9'.repeat(30)), /incomplete/],
    ['short weights', replaced('data/0', first.subarray(4)), /storage "0" has \d+ bytes, not/],
  ];
  const cases: Case[] = [];
  for (const [name, content, words, code = 'ERR_MODEL_FORMAT'] of refused) {
    cases.push({ name, path: await writeRecords(newFile(), content), codes: [code], words });
  }
  await expectRefusals(cases);
});

describe('the archive', () => {
  /** The end of the archive, and the first entry of its directory. */
  const parts = (bytes: Buffer) => {
    const end = bytes.length - 22;
    return { end, entry: bytes.readUInt32LE(end + 16) };
  };

  const changes: [name: string, words: RegExp, change: (bytes: Buffer) => Buffer][] = [
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
    ['with a record that is a folder', /is a folder/, (b) => (b.writeUInt32LE(0x10, parts(b).entry + 38), b)],
    ['with a record without its data', /no data/, (b) => (b.writeUInt16LE(8, b.readUInt32LE(parts(b).entry + 42) + 8), b.writeUInt16LE(8, parts(b).entry + 10), b.writeUInt32LE(0, parts(b).entry + 20), b)],
    ['with a record elsewhere', /not where the directory says/, (b) => (b.writeUInt32LE(64, parts(b).entry + 42), b)],
  ];
  test('archives of unusual or contradictory structure', async () => {
    const cases = changes.map(([name, words, change]): Case => {
      const path = newFile();
      writeFileSync(path, change(readFileSync(faceModel)));
      return { name, kind: 'faces', path, codes: ['ERR_MODEL_FORMAT'], words };
    });
    await expectRefusals(cases);
  });

  test('a compressed record is no bomb', async () => {
    // 200 MB of spaces in 200 kB, as code.
    const bomb = deflateRawSync(Buffer.alloc(200_000_000, ' '), { level: 9 });
    const path = await withRecord(faceModel, newFile(), 'code/__torch__/bomb.py', bomb);
    const bytes = readFileSync(path);
    const nameAt = bytes.lastIndexOf('archive/code/__torch__/bomb.py');
    const entry = nameAt - 46;
    const local = bytes.readUInt32LE(entry + 42);
    for (const header of [local + 8, entry + 10]) bytes.writeUInt16LE(8, header);
    const paths = [200_000_000, 1000].map((claimed): [Kind, string] => {
      for (const size of [local + 22, entry + 24]) bytes.writeUInt32LE(claimed, size);
      const claiming = newFile();
      writeFileSync(claiming, bytes);
      return ['faces', claiming];
    });
    for (const { code, message, rss } of await load(paths)) {
      expect({ code, message }).toMatchObject({ code: 'ERR_MODEL_FORMAT' });
      expect(rss).toBeLessThan(400e6);
    }
  });

  test('cut off anywhere, and changed anywhere', { timeout: 400_000 }, async () => {
    const whole = readFileSync(faceModel);
    const records = await recordsOf(faceModel);
    const mutants: [Kind, string][] = [];
    const add = (bytes: Buffer) => {
      const path = newFile();
      writeFileSync(path, bytes);
      mutants.push(['faces', path]);
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
    const outcomes = await load(mutants);
    expect(outcomes).toHaveLength(mutants.length);
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

test('pickles', async () => {
  const tooLarge = Buffer.from((await recordsOf(faceModel)).get('data.pkl')!);
  // The first tensor's sizes: (10, 3, 3, 3).
  tooLarge[tooLarge.indexOf(Buffer.from([0x28, 0x4b, 10, 0x4b, 3, 0x4b, 3, 0x4b, 3, 0x74])) + 2] = 200;
  const pickle = (text: string) => Buffer.from(`\x80\x02${text}`, 'latin1');
  const refused: [name: string, bytes: Buffer, words: RegExp, code?: string][] = [
    ['another function', pickle('cos\nsystem\nX\x02\0\0\0ls\x85R.'), /names os system/, 'ERR_MODEL_UNTRUSTED'],
    ['a custom class', pickle('c__torch__.torch.classes.x\nY\n)\x81.'), /torch\.classes/, 'ERR_MODEL_UNTRUSTED'],
    ['an unknown instruction', pickle('\x94.'), /the instruction 148/],
    ['a text of 4 GB', pickle('X\xff\xff\xff\xff.'), /longer than/],
    ['100,000 nested tuples', pickle(`)${'\x85'.repeat(100_000)}.`), /nest more than/],
    ['a list in itself', pickle(']q\0h\0a.'), /changes after/],
    ['a memo with a gap', pickle('Nr\xff\xff\xff\x7f.'), /gap/],
    ['nothing', pickle(''), /ends early/],
    ['a tensor beyond its weights', tooLarge, /larger than its storage|outside its storage/],
  ];
  const cases: Case[] = [];
  for (const [name, bytes, words, code = 'ERR_MODEL_FORMAT'] of refused) {
    const path = await withRecord(faceModel, newFile(), 'data.pkl', bytes);
    cases.push({ name, kind: 'faces', path, codes: [code], words });
  }
  await expectRefusals(cases);
});

test('attributes that hold something other than their type', async () => {
  const types: [type: string, fitting: string[], wrong: string[]][] = [
    ['bool', ['\x88'], ['N', 'K\x01', pickledText('a')]],
    ['int', ['K\x01'], ['\x88', 'N', 'G\0\0\0\0\0\0\0\0']],
    ['float', ['G\0\0\0\0\0\0\0\0'], ['K\x01']],
    ['str', [pickledText('a')], ['K\x01']],
    ['NoneType', ['N'], ['K\x01']],
    ['Tensor', [], ['N', 'K\x01']],
    ['Optional[int]', ['N', 'K\x01'], [pickledText('a')]],
    ['List[int]', ['](K\x01K\x02e', ']'], ['](K\x01Ne', 'K\x01', '](G\0\0\0\0\0\0\0\0e']],
    // Shorter or longer ones would be read past their end.
    ['Tuple[int, int]', ['K\x01K\x02\x86'], [')', 'K\x01\x85', 'K\x01K\x02K\x03\x87', 'K\x01N\x86']],
    ['List[Tuple[int, int]]', [']'], ['])a']],
    ['__torch__.net.Large', [], [pickledObject('Small', { c: 'K\x01' }), 'N', 'K\x01', ']']],
    ['__torch__.net.Small', [pickledObject('Small', { c: 'K\x01' })], [pickledObject('Small', { c: 'N' }), pickledObject('Large', { a: 'K\x01', b: 'K\x01', c: 'K\x01' })]],
  ];
  const loaded: [Kind, string][] = [];
  const cases: Case[] = [];
  for (const [type, fitting, wrong] of types) {
    const code =
      'class Small(Module):\n  c : int\nclass Large(Module):\n  a : int\n  b : int\n  c : int\n' +
      `class Net(Module):\n  value : ${type}\n  def forward(self: __torch__.net.Net, x: Tensor) -> Tensor:\n` +
      '    return torch.mean(torch.to(x, 6), [1, 2, 3])\n';
    const write = (value: string) => withModule(newFile(), code, pickledObject('Net', { value }));
    for (const value of fitting) loaded.push(['quality', await write(value)]);
    for (const value of wrong) {
      const name = `${type}: ${JSON.stringify(value)}`;
      cases.push({ name, path: await write(value), codes: ['ERR_MODEL_FORMAT'], words: /holds something other than|cannot read the graph/ });
    }
  }
  await expectRefusals(cases);
  // All but the scores is as it should be.
  for (const { code } of await load(loaded)) expect(code).toBe('ERR_MODEL_SELF_CHECK');
});

test('a rewritten archive loads as before', async () => {
  const [outcome] = await load([['faces', await writeRecords(newFile(), await recordsOf(faceModel))]]);
  expect(outcome).toMatchObject({ code: 'loaded' });
});
