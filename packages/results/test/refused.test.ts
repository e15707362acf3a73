/** Results that are missing, contradict each other or cannot be read: nothing is written. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ScoreRecord } from 'hyperiqa/add-on';
import { describe, expect, test } from 'vitest';
import { mergeResults } from '../src/index.js';
import { query } from './duckdb.js';
import { csvOf, linesOf, numbered, provenance, recordOf, run, scratch, writeFile, writeShards } from './made.js';

describe('what is missing or contradicts itself is refused', () => {
  /** Ways of spoiling four complete shards, the code, and what the message says. */
  const cases: [string, (paths: string[]) => void, code: string, words: RegExp][] = [
    [
      'a shard is missing',
      ([, , two]) => {
        rmSync(two!);
      },
      'ERR_RESULTS_INCOMPLETE',
      /Of 4 shards 1 is missing: 2\/4\./,
    ],
    [
      'shards are missing',
      ([, ...others]) => {
        for (const path of others) rmSync(path);
      },
      'ERR_RESULTS_INCOMPLETE',
      /3 are missing: 1\/4, 2\/4, 3\/4\./,
    ],
    [
      'a run did not end',
      ([, one]) => {
        rmSync(`${one!}.shard.json`);
      },
      'ERR_RESULTS_INCOMPLETE',
      /1\.jsonl is not complete.*--resume/,
    ],
    [
      'a mark is damaged',
      ([, one]) => {
        writeFileSync(`${one!}.shard.json`, '{"shard":1}');
      },
      'ERR_RESULTS_INCOMPLETE',
      /1\.jsonl is not complete/,
    ],
    [
      'records came after the mark',
      ([, one]) => {
        appendFileSync(one!, linesOf([{ ...recordOf('z.jpg', 1), run: `${run} shard=1/4` }]));
      },
      'ERR_RESULTS_INCOMPLETE',
      /was changed/,
    ],
    [
      'an empty file has no mark',
      ([, , , three]) => {
        writeFileSync(three!, '');
        rmSync(`${three!}.shard.json`);
      },
      'ERR_RESULTS_INCOMPLETE',
      /1 is missing: 3\/4/,
    ],
    [
      'a shard is there twice',
      ([zero]) => {
        copyShard(zero!, beside(zero!));
      },
      'ERR_RESULTS_CONFLICT',
      /0\.jsonl and .*9\.jsonl are both shard 0\/4/,
    ],
    [
      'shards are of other numbers',
      ([zero]) => {
        copyShard(writeShards(scratch(), numbered(40), 2)[0]!, beside(zero!));
      },
      'ERR_RESULTS_CONFLICT',
      /0\.jsonl is shard 0\/4, and .*9\.jsonl is 0\/2/,
    ],
    [
      'a record is damaged',
      ([, one]) => {
        change(one!, (text) => text.replace('"score"', '"scor"'));
      },
      'ERR_RESULTS_READ',
      /1\.jsonl, line \d+: it is no record/,
    ],
    [
      'another seed',
      ([, one]) => {
        change(one!, (text) => text.replaceAll('seed=0', 'seed=1'));
      },
      'ERR_RESULTS_CONFLICT',
      /1\.jsonl was made otherwise than .*0\.jsonl: seed=1 \(now seed=0\)/,
    ],
  ];

  const beside = (path: string) => join(dirname(path), '9.jsonl');

  function copyShard(from: string, to: string): void {
    for (const end of ['', '.shard.json']) copyFileSync(from + end, to + end);
  }

  /** Changes a shard, and its mark so that the change is what is found. */
  function change(path: string, edit: (content: string) => string): void {
    writeFileSync(path, edit(readFileSync(path, 'utf8')));
    const mark = JSON.parse(edit(readFileSync(`${path}.shard.json`, 'utf8'))) as object;
    writeFileSync(`${path}.shard.json`, JSON.stringify({ ...mark, bytes: statSync(path).size }));
  }

  test.each(cases)('%s', async (_, spoil, code, words) => {
    const folder = scratch();
    mkdirSync(join(folder, 'out'));
    const paths = writeShards(folder, numbered(40), 4);
    spoil(paths);
    const output = join(folder, 'out/all.parquet');
    const error: unknown = await mergeResults({ inputs: [folder], output }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(words);
    expect(readdirSync(join(folder, 'out'))).toEqual([]);
  });

  test.each(['jsonl', 'csv', 'parquet'] as const)('two results of an image, into %s', async (format) => {
    const folder = scratch();
    const list = numbered(20);
    const inputs = [
      writeFile(folder, 'a.jsonl', linesOf(list)),
      writeFile(folder, 'b.jsonl', linesOf([list[3]!, { ...list[4]!, score: 1 }])),
    ];
    const output = join(folder, `c.${format}`);
    const merged = mergeResults({ inputs, output });
    await expect(merged).rejects.toMatchObject({ code: 'ERR_RESULTS_CONFLICT' });
    await expect(merged).rejects.toThrow(/photos\/000004\.jpg has two different results, in .*a\.jsonl and .*b\.jsonl/);
    expect(existsSync(output)).toBe(false);
    // The same result twice is one.
    writeFileSync(inputs[1]!, linesOf([list[3]!]));
    expect(await mergeResults({ inputs, output })).toMatchObject({ images: 20, repeated: 1 });
    // Computed again in other company, it may differ in its last digits.
    const first = list[3]!;
    if ('error' in first) throw new Error('An image with a score is wanted.');
    const again = { ...first, score: first.score + 0.0004 };
    writeFileSync(inputs[1]!, linesOf([again]));
    expect(await mergeResults({ inputs, output })).toMatchObject({ images: 20, repeated: 1 });
    const written = readFileSync(output);
    writeFileSync(inputs[0]!, linesOf(list.with(3, again)));
    writeFileSync(inputs[1]!, linesOf([first]));
    await mergeResults({ inputs, output });
    expect(readFileSync(output).equals(written)).toBe(true);
  });

  test('results without `run` are told by their provenance', async () => {
    const folder = scratch();
    const plain = (file: string, seed: string): ScoreRecord => {
      const record = { ...recordOf(file, 1), provenance: { ...provenance, seed } };
      delete record.run;
      delete record.source;
      return record;
    };
    const a = writeFile(folder, 'a.jsonl', linesOf([plain('a.jpg', '0')]));
    const b = writeFile(folder, 'b.jsonl', linesOf([plain('b.jpg', '0')]));
    const c = writeFile(folder, 'c.jsonl', linesOf([plain('c.jpg', '7')]));
    const d = writeFile(folder, 'd.jsonl', linesOf([recordOf('d.jpg', 1)]));
    const bare = writeFile(
      folder,
      'e.jsonl',
      linesOf([{ ...recordOf('e.jpg', 1), run: undefined } as unknown as ScoreRecord]),
    );
    const output = join(folder, 'out.parquet');
    expect(await mergeResults({ inputs: [a, b], output })).toMatchObject({ images: 2 });
    expect(await query(`SELECT DISTINCT seed, protocol, cropPlan FROM '${output}'`)).toEqual([
      { seed: '0', protocol: 'native', cropPlan: 'grid' },
    ]);
    await expect(mergeResults({ inputs: [a, c], output })).rejects.toThrow(/seed=7 \(now seed=0\)/);
    for (const inputs of [
      [a, d],
      [d, bare],
      [bare, a],
    ]) {
      await expect(mergeResults({ inputs, output })).rejects.toMatchObject({ code: 'ERR_RESULTS_CONFLICT' });
    }
    expect(await mergeResults({ inputs: [bare], output })).toMatchObject({ images: 1 });
  });
});

test.each([
  ['no record', 'a.jsonl', '{"score":1}\n', /line 1: it is no record/],
  ['no JSON', 'a.jsonl', `${linesOf(numbered(1))}score\n`, /line 2: it is no record/],
  ['no object', 'a.jsonl', 'null\n', /line 1/],
  ['a number beyond all', 'a.jsonl', linesOf(numbered(1)).replace(/"score":[\d.]+/, '"score":1e999'), /line 1/],
  [
    'a record of hyperiqa faces',
    'a.jsonl',
    '{"file":"a","status":"error","error":{"code":"ERR_IMAGE_READ","message":"x"}}\n',
    /line 1/,
  ],
  ['a record cut off', 'a.jsonl', linesOf(numbered(2)).slice(0, -20), /line 2: the record is not whole.*--resume/],
  ['another table', 'a.csv', 'image_name,MOS\na.jpg,1\n', /its column image_name is none/],
  ['a study table', 'a.csv', 'file,score\na.jpg,1\n', /it has no column errorCode/],
  ['a row cut off', 'a.csv', csvOf(numbered(2)).slice(0, -5), /its last row is not whole/],
  ['a row too short', 'a.csv', `${csvOf(numbered(1))}a.jpg,1\n`, /Invalid Record Length/],
  ['no number', 'a.csv', csvOf(numbered(1)).replace(',10,', ',ten,'), /line 2: score cannot be "ten"/],
  ['a quotation mark inside', 'a.csv', `${csvOf(numbered(1))}a"b,1\n`, /Quote/],
  [
    'neither score nor error',
    'a.csv',
    csvOf(numbered(1)).replace(',10,', ',,'),
    /line 2: it has neither score nor error/,
  ],
  ['no Parquet', 'a.parquet', 'PAR1 but not quite', /it cannot be read/],
  ['an empty Parquet file', 'a.parquet', '', /it cannot be read/],
])('ERR_RESULTS_READ: %s', async (_, name, content, words) => {
  const folder = scratch();
  const inputs = [writeFile(folder, name, content)];
  const merged = mergeResults({ inputs, output: join(folder, 'out.csv') });
  await expect(merged).rejects.toMatchObject({ code: 'ERR_RESULTS_READ' });
  await expect(merged).rejects.toThrow(words);
  expect(readdirSync(folder)).toEqual([name]);
});

test('a line without end is refused before memory is full', async () => {
  const folder = scratch();
  const inputs = [writeFile(folder, 'a.jsonl', `{"file":"${'x'.repeat(17 * 2 ** 20)}"}\n`)];
  await expect(mergeResults({ inputs, output: join(folder, 'b.jsonl') })).rejects.toMatchObject({
    code: 'ERR_RESULTS_READ',
  });
});

test.each([
  [undefined, 'options'],
  [{ inputs: 'a.jsonl', output: 'b.csv' }, 'inputs must be a list'],
  [{ inputs: [], output: 'b.csv' }, 'inputs must be a list'],
  [{ inputs: ['a.jsonl', ''], output: 'b.csv' }, 'A path must be'],
  [{ inputs: ['a.jsonl', 7], output: 'b.csv' }, 'A path must be'],
  [{ inputs: ['a.jsonl'] }, 'A path must be'],
  [{ inputs: ['a.jsonl'], output: 'b.txt' }, 'b.txt must end with'],
  [{ inputs: ['a.jsonl'], output: 'b.csv', expects: 'list.txt' }, 'expects'],
  [{ inputs: ['a.jsonl'], output: 'b.csv', onMissing: 1 }, 'onMissing must be a function'],
  [{ inputs: ['a.jsonl'], output: 'b.csv', signal: {} }, 'signal must be'],
])('options of another kind: %j', async (options, words) => {
  const merged = mergeResults(options as never);
  await expect(merged).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  await expect(merged).rejects.toThrow(words);
});
