/** Parquet as others read and write it. */
import { open } from 'node:fs/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScoreRecord } from 'hyperiqa/add-on';
import { expect, test } from 'vitest';
import { encodeParquet, mergeResults, readResults } from '../src/index.js';
import { ParquetFile } from '../src/formats/parquet-write.js';
import { rowOf } from '../src/table/table.js';
import { root } from '../../../test/cli/cli.js';
import { query } from './duckdb.js';
import { collect, linesOf, numbered, provenance, recordOf, run, scratch } from './made.js';

/** The query of docs/scale.md that begins with a text, about another file. */
function documented(start: string, table: string): string {
  const page = readFileSync(join(root, 'docs/scale.md'), 'utf8');
  const sql = page.split('```sql\n').find((part) => part.startsWith(start));
  return sql!.slice(0, sql!.indexOf('```')).replaceAll("'scores.parquet'", `'${table}'`);
}

test('many row groups, read back by DuckDB: the query of the guide, over 250,000 rows', async () => {
  const path = join(scratch(), 'scores.parquet');
  const count = 250_000;
  const made = (i: number) => recordOf(`photos/${String(i % 4)}/${String(i).padStart(6, '0')}.jpg`, i);
  await using handle = await open(path, 'w');
  const file = new ParquetFile((bytes) => handle.writeFile(bytes), new Set(['output']), {
    run,
    provenance: [provenance],
  });
  const folders = Array.from({ length: 4 }, () => ({ scored: [] as { score: number; file: string }[], failed: 0 }));
  for (let i = 0; i < count; i++) {
    const record = made(i);
    await file.add(rowOf(record));
    if ('error' in record) folders[i % 4]!.failed++;
    else folders[i % 4]!.scored.push(record);
  }
  await file.finish();

  const [groups] = await query(
    `SELECT max(row_group_num_rows) AS rows, count(DISTINCT row_group_id) AS groups FROM parquet_metadata('${path}')`,
  );
  expect(groups).toEqual({ rows: 122_880n, groups: 3n });
  const found = await query(documented('-- The worst images', path));
  const mean = (scores: readonly { score: number }[]) =>
    scores.reduce((sum, { score }) => sum + score, 0) / scores.length;
  const expected = folders.map(({ scored, failed }, i) => ({
    folder: `photos/${i}`,
    scored: BigInt(scored.length),
    failed: BigInt(failed),
    mean: expect.closeTo(mean(scored), 1) as number,
  }));
  expect(found.toSorted((a, b) => String(a.folder).localeCompare(String(b.folder)))).toMatchObject(expected);
  // Ordered by the mean.
  expect(found.map((row) => row.mean)).toEqual(found.map((row) => row.mean).toSorted((a, b) => Number(a) - Number(b)));
  const [metadata] = await query(documented('SELECT decode(value)', path));
  expect(Object.values(metadata!)).toEqual([provenance.model.name]);
});

test('columns have the types of the description, and NULL where a cell is empty', async () => {
  const path = join(scratch(), 'scores.parquet');
  const records: ScoreRecord[] = [
    { ...recordOf('a.jpg', 0), provenance, faces: faces(), source: { size: 2 ** 40, mtimeMs: -5 } } as ScoreRecord,
    recordOf('b.jpg', 9),
  ];
  writeFileSync(path, await encodeParquet(records));
  const columns = await query(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '${path}')`);
  const types = Object.fromEntries(columns.map((row) => [String(row.column_name), String(row.column_type)]));
  expect(types).toMatchObject({
    ...{
      file: 'VARCHAR',
      score: 'DOUBLE',
      crops: 'INTEGER',
      width: 'INTEGER',
      warnings: 'VARCHAR',
      errorCode: 'VARCHAR',
    },
    ...{ faces: 'INTEGER', faceScore: 'DOUBLE', faceEnlarged: 'BOOLEAN', faceX: 'INTEGER', faceStatus: 'VARCHAR' },
    ...{
      model: 'VARCHAR',
      seed: 'VARCHAR',
      maxCrops: 'INTEGER',
      maxStandardError: 'DOUBLE',
      size: 'BIGINT',
      mtimeMs: 'BIGINT',
    },
  });
  const rows = await query(
    `SELECT file, score, faceEnlarged, faceX, size, mtimeMs, maxCrops, errorCode, modelSha256 FROM '${path}'`,
  );
  expect(rows).toEqual([
    {
      ...{ file: 'a.jpg', score: 10, faceEnlarged: true, faceX: 3, size: 2n ** 40n, mtimeMs: -5n, maxCrops: null },
      ...{ errorCode: null, modelSha256: provenance.model.sha256 },
    },
    {
      ...{ file: 'b.jpg', score: null, faceEnlarged: null, faceX: null, size: 100_009n, mtimeMs: 1_795_782_674_961n },
      ...{ maxCrops: null, errorCode: 'ERR_IMAGE_DECODE', modelSha256: null },
    },
  ]);
});

/** One kept face, made larger. */
function faces() {
  const point = { x: 5, y: 5 };
  const box = { x: 3, y: 4, width: 50, height: 60 };
  return {
    status: 'ok',
    faces: [
      {
        ...{
          box,
          confidence: 0.99,
          kept: true,
          crop: box,
          score: 12.5,
          standardError: null,
          spread: 0.5,
          enlarged: true,
        },
        landmarks: { leftEye: point, rightEye: point, nose: point, leftMouth: point, rightMouth: point },
      },
    ],
  };
}

test('records in memory become a file with what they say of their run', async () => {
  const folder = scratch();
  const path = join(folder, 'chunk.parquet');
  const records = numbered(100).map((record) => ('error' in record ? record : { ...record, provenance }));
  writeFileSync(path, await encodeParquet(records));
  expect((await collect(readResults(path))).map(({ row }) => row)).toEqual(records.map(rowOf));
  const metadata = await query(`SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata('${path}')`);
  expect(metadata).toEqual([
    { key: 'hyperiqa.run', value: run },
    { key: 'hyperiqa.provenance', value: JSON.stringify([provenance]) },
  ]);
  expect(await collect(readResults(join(folder, 'chunk.parquet')))).toHaveLength(100);
  // No record at all is a table, too.
  writeFileSync(path, await encodeParquet([]));
  expect(await query(`SELECT count(*) AS rows, count(score) AS scored FROM '${path}'`)).toEqual([
    { rows: 0n, scored: 0n },
  ]);
});

test('a table that DuckDB wrote is read', async () => {
  const folder = scratch();
  writeFileSync(join(folder, 'a.jsonl'), linesOf(numbered(1000)));
  await mergeResults({ inputs: [join(folder, 'a.jsonl')], output: join(folder, 'a.parquet') });
  const kept = join(folder, 'kept.parquet');
  await query(
    `COPY (SELECT * FROM '${join(folder, 'a.parquet')}' WHERE score > 50 ORDER BY score) TO '${kept}' (FORMAT parquet)`,
  );
  const scores = numbered(1000).flatMap((record) => ('error' in record || record.score <= 50 ? [] : [record]));
  expect(await mergeResults({ inputs: [kept], output: join(folder, 'b.parquet') })).toMatchObject({
    images: scores.length,
  });
  expect((await collect(readResults(join(folder, 'b.parquet')))).map(({ row }) => row)).toEqual(scores.map(rowOf));
});

test('a column of another type or name is refused', async () => {
  const folder = scratch();
  const path = join(folder, 'a.parquet');
  for (const [columns, words] of [
    ["'a.jpg' AS file, 'high' AS score, NULL::VARCHAR AS errorCode", /row 1: score has another type/],
    ["'a.jpg' AS file, 1.5::DOUBLE AS score, NULL::VARCHAR AS errorCode, 3 AS mos", /its column mos is none/],
    ['NULL::VARCHAR AS file, 1.5::DOUBLE AS score, NULL::VARCHAR AS errorCode', /row 1: it names no image/],
    ["'a.jpg' AS file, NULL::DOUBLE AS score, NULL::VARCHAR AS errorCode", /neither score nor error/],
  ] as const) {
    await query(`COPY (SELECT ${columns}) TO '${path}' (FORMAT parquet)`);
    const merged = mergeResults({ inputs: [path], output: join(folder, 'b.csv') });
    await expect(merged).rejects.toThrow(words);
    await expect(merged).rejects.toMatchObject({ code: 'ERR_RESULTS_READ' });
  }
});
