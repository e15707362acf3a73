/** Files of results into one: what comes out. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScoreRecord } from 'hyperiqa/add-on';
import { describe, expect, test } from 'vitest';
import { mergeResults, readResults } from '../src/index.js';
import { about, hyperiqa, records, score, scratchPhotos, text } from '../../../test/cli/cli.js';
import { query } from './duckdb.js';
import {
  collect,
  csvOf,
  linesOf,
  numbered,
  provenance,
  recordOf,
  run,
  scratch,
  writeFile,
  writeShards,
} from './made.js';

test('shards of real photographs become the file of a single run, in every format', async () => {
  const names = Array.from({ length: 9 }, (_, i) => `photo ${i}.jpg`);
  const cwd = scratchPhotos(...names);
  writeFileSync(join(cwd, names[4]!), 'no image');
  const options = ['.', '--protocol', 'official', '--crops', '2', '--faces'];
  mkdirSync(join(cwd, 'shards'));
  for (const index of [0, 1, 2]) {
    await score([...options, '--shard', `${index}/3`, '-o', `shards/${index}.jsonl`], { cwd });
  }
  expect((await score([...options, '-o', 'whole.jsonl'], { cwd })).code).toBe(1);
  for (const name of ['all.jsonl', 'all.csv', 'all.parquet']) {
    expect(await hyperiqa(['merge', 'shards', '-o', name], { cwd })).toMatchObject({
      ...{ code: 0, stdout: '', stderr: 'hyperiqa: 9 images from 3 files: 1 failed\n' },
    });
  }
  const whole = records(text(cwd, 'whole.jsonl'));
  expect(records(text(cwd, 'all.jsonl'))).toEqual(about(whole));
  // A run goes on with it.
  const resumed = await score([...options, '-o', 'all.jsonl', '--resume'], { cwd });
  expect(resumed).toMatchObject({ code: 1, stderr: 'hyperiqa: 9 images: 8 scored before, 1 failed\n' });
  const table = `'${join(cwd, 'all.parquet')}'`;
  const rows = await query(`SELECT file, score, faces, faceStatus, errorCode, size, run FROM ${table}`);
  expect(rows).toEqual(
    about(
      whole.map((record) => ({
        file: record.file,
        score: record.error ? null : record.score,
        faces: record.error ? null : record.faces!.faces.length,
        faceStatus: record.error ? null : record.faces!.status,
        errorCode: record.error?.code ?? null,
        size: BigInt(record.source!.size),
        run: record.run,
      })),
    ),
  );
  const facts = await query(`SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata(${table})`);
  const metadata = Object.fromEntries(facts.map(({ key, value }) => [key, value])) as Record<string, string>;
  expect(metadata['hyperiqa.run']).toBe(whole[0]!.run);
  const [origin, ...others] = JSON.parse(metadata['hyperiqa.provenance']!) as (typeof provenance)[];
  expect(others).toEqual([]);
  expect(whole[0]!.run).toContain(`model=${origin!.model.sha256} `);
  expect(origin).toMatchObject({ seed: '0', protocol: { name: 'official', crops: { plan: 'random', count: 2 } } });
  expect(Object.keys(origin!.versions)).toContain('hyperiqa');
});

describe('complete shards', () => {
  test.each([1, 2, 7])('%i shards give the same bytes', async (count) => {
    const folder = scratch();
    const list = numbered(200);
    const inputs = writeShards(folder, list, count);
    const output = join(folder, 'out/all.jsonl');
    mkdirSync(join(folder, 'out'));
    expect(await mergeResults({ inputs: inputs.toReversed(), output })).toEqual({
      ...{ images: 200, failed: 20, repeated: 0, unexpected: 0, files: count },
    });
    expect(readFileSync(output, 'utf8')).toBe(linesOf(list));
    // No temporary file is left.
    expect(readdirSync(join(folder, 'out'))).toEqual(['all.jsonl']);
  });

  test('formats: tables of tables are the same as tables of records', async () => {
    const folder = scratch();
    const list = numbered(200);
    writeShards(folder, list, 3);
    const at = (name: string) => join(folder, name);
    await mergeResults({ inputs: [folder], output: at('a.csv') });
    expect(readFileSync(at('a.csv'), 'utf8')).toBe(csvOf(list));
    for (const [from, to] of [
      ['a.csv', 'b.parquet'],
      ['b.parquet', 'c.csv'],
      ['b.parquet', 'c.parquet'],
      ['a.csv', 'd.csv'],
    ] as const) {
      await mergeResults({ inputs: [at(from)], output: at(to) });
    }
    for (const name of ['c.csv', 'd.csv']) expect(readFileSync(at(name), 'utf8')).toBe(csvOf(list));
    // CSV has no provenance but that in its columns.
    const rows = async (path: string) => (await collect(readResults(path))).map(({ row }) => row);
    expect(await rows(at('c.parquet'))).toEqual(await rows(at('a.csv')));
  });

  test('shards in CSV', async () => {
    const folder = scratch();
    const list = numbered(50);
    for (const path of writeShards(folder, list, 2)) {
      const csv = path.replace('.jsonl', '.csv');
      writeFileSync(
        csv,
        csvOf(
          readFileSync(path, 'utf8')
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line) as ScoreRecord),
        ),
      );
      const mark = JSON.parse(readFileSync(`${path}.shard.json`, 'utf8')) as object;
      writeFileSync(`${csv}.shard.json`, JSON.stringify({ ...mark, bytes: statSync(csv).size }));
      rmSync(path);
    }
    await mergeResults({ inputs: [folder], output: join(folder, 'all.parquet') });
    const [row] = await query(
      `SELECT count(*) AS n, count(score) AS scored, any_value(run) AS run FROM '${join(folder, 'all.parquet')}'`,
    );
    expect(row).toEqual({ n: 50n, scored: 45n, run });
  });

  test('are joined with results that were made apart', async () => {
    const folder = scratch();
    const list = numbered(50);
    writeShards(folder, list.slice(0, 40), 2);
    writeFile(folder, 'rest.jsonl', linesOf(list.slice(40)));
    const output = join(scratch(), 'all.jsonl');
    expect(await mergeResults({ inputs: [folder], output })).toMatchObject({ images: 50, files: 3 });
    expect(readFileSync(output, 'utf8')).toBe(linesOf(list));
  });

  test('one that has no image is complete by its mark', async () => {
    const folder = scratch();
    const inputs = writeShards(folder, [recordOf('a.jpg', 0)], 4);
    expect(inputs.filter((path) => statSync(path).size === 0)).toHaveLength(3);
    expect(await mergeResults({ inputs, output: join(folder, 'all.jsonl') })).toMatchObject({ images: 1, files: 4 });
  });
});

test('names of every kind keep their bytes', async () => {
  const folder = scratch();
  const names = [
    '=1+1.jpg',
    'a\nb.jpg',
    'a\u2028b.jpg',
    'a"b,c.jpg',
    '\u{1f600}.jpg',
    '\uffee.jpg',
    "'x.jpg",
    'ä.jpg',
    ' .jpg',
  ];
  const list = names
    .map((name, i) => recordOf(name, i))
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.file), Buffer.from(b.file)));
  const inputs = [writeFile(folder, 'a.jsonl', linesOf(list.toReversed()))];
  await mergeResults({ inputs, output: join(folder, 'b.jsonl') });
  expect(readFileSync(join(folder, 'b.jsonl'), 'utf8')).toBe(linesOf(list));
  await mergeResults({ inputs, output: join(folder, 'b.parquet') });
  const rows = await query(`SELECT file FROM '${join(folder, 'b.parquet')}'`);
  expect(rows.map((row) => row.file)).toEqual(list.map((record) => record.file));
  await mergeResults({ inputs, output: join(folder, 'b.csv') });
  expect(readFileSync(join(folder, 'b.csv'), 'utf8')).toBe(csvOf(list));
});

describe('the list of expected images', () => {
  const list = numbered(30);
  const all = list.map((record) => record.file);

  test('is complete, in any order, with names that have results beside', async () => {
    const folder = scratch();
    const inputs = [writeFile(folder, 'a.jsonl', linesOf(list))];
    const expect_ = writeFile(folder, 'list.txt', all.slice(3).toReversed().join('\n'));
    expect(await mergeResults({ inputs, output: join(folder, 'b.jsonl'), expect: expect_ })).toMatchObject({
      images: 30,
      unexpected: 3,
    });
  });

  test('of CSV has the names as they are', async () => {
    const folder = scratch();
    const inputs = [writeFile(folder, 'a.csv', csvOf([recordOf('=1.jpg', 0), recordOf('b.jpg', 1)]))];
    const expect_ = writeFile(folder, 'list.txt', '=1.jpg\0b.jpg\0');
    expect(await mergeResults({ inputs, output: join(folder, 'b.csv'), expect: expect_ })).toMatchObject({
      images: 2,
      unexpected: 0,
    });
  });

  test('names what is missing, on standard output, and nothing is written', async () => {
    const folder = scratch();
    writeFile(folder, 'a.jsonl', linesOf(list.slice(2, -1)));
    writeFile(folder, 'b.jsonl', 'before');
    writeFile(folder, 'list.txt', `${[...all, ...all, 'photos/none.jpg'].join('\n')}\n`);
    const merged = await hyperiqa(['merge', 'a.jsonl', '-o', 'b.jsonl', '--expect', 'list.txt'], { cwd: folder });
    const missing = [all[0], all[1], all.at(-1), 'photos/none.jpg'];
    expect(merged).toMatchObject({
      code: 1,
      stdout: missing.map((name) => `${name}\n`).join(''),
      stderr: `hyperiqa: 4 images of the list have no result: ${missing.join(', ')} (ERR_RESULTS_INCOMPLETE)\n`,
    });
    expect(readFileSync(join(folder, 'b.jsonl'), 'utf8')).toBe('before');
    expect(readdirSync(folder).sort()).toEqual(['a.jsonl', 'b.jsonl', 'list.txt']);
  });
});

test('an aborted merge writes nothing', async () => {
  const folder = scratch();
  const inputs = [writeFile(folder, 'a.jsonl', linesOf(numbered(10)))];
  const controller = new AbortController();
  const merged = mergeResults({
    ...{ inputs, output: join(folder, 'b.jsonl'), signal: controller.signal },
    expect: writeFile(folder, 'list.txt', 'none.jpg'),
    onMissing: () => {
      controller.abort();
    },
  });
  await expect(merged).rejects.toMatchObject({ name: 'AbortError' });
  expect(readdirSync(folder).sort()).toEqual(['a.jsonl', 'list.txt']);
});
