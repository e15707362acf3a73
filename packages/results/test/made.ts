/** Records as `hyperiqa score` writes them, made up for tests of what becomes of many of them. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { csvLine, describeShard, resultColumns, shardOf, type ScoreRecord, type ShardMark } from 'hyperiqa/add-on';

export const run =
  'model=cb2b43bf34bbd3f84101b2f5e110bebbae45f4a8d7b865e53c19989d03aa3138 protocol=native crops=grid seed=0 dtype=fp32 ' +
  'device=cpu provenance=false';

export const provenance: NonNullable<ShardMark['provenance']> = {
  model: {
    name: 'hyperiqa-lite0',
    version: '2',
    sha256: 'cb2b43bf34bbd3f84101b2f5e110bebbae45f4a8d7b865e53c19989d03aa3138',
    weightsSha256: 'db5fa8f7a73511a7c4f23f12b54c3e580b1507d93d731bf1a13eea9bc5972cc0',
    trainedOn: 'kadid-synthetic-livec',
  },
  protocol: {
    name: 'native',
    decode: { iccProfile: 'srgb', alpha: 'white', orientation: 'exif' },
    resize: { mode: 'short-side', size: 384 },
    minSide: 224,
    crops: { plan: 'grid' },
  },
  seed: '0',
  maxStandardError: null,
  maxCrops: null,
  device: ['cpu'],
  dtype: 'fp32',
  graphMode: 'freeze',
  versions: { hyperiqa: '0.1.0', libtorch: '2.13.0', sharp: '0.35.5', libvips: '8.18.7', node: '20.20.2' },
};

/** Every tenth one failed, and every third one has a warning. */
export function recordOf(file: string, i: number): ScoreRecord {
  const source = { size: 100_000 + i, mtimeMs: 1_795_782_674_952 + i };
  if (i % 10 === 9) return { file, error: { code: 'ERR_IMAGE_DECODE', message: `"${file}", damaged` }, source, run };
  return {
    file,
    score: 10 + ((i * 7919) % 80_000) / 1000,
    standardError: null,
    spread: i / 7,
    crops: [{ x: 0, y: 0, width: 224, height: 224, score: 1 / (i + 1) }],
    width: 4000 + (i % 5),
    height: 3000,
    resized: { width: 512, height: 384 },
    warnings: i % 3 === 0 ? [{ code: 'WARN_ENLARGED', message: 'The image was enlarged.' }] : [],
    source,
    run,
  };
}

export const numbered = (count: number): ScoreRecord[] =>
  Array.from({ length: count }, (_, i) => recordOf(`photos/${String(i).padStart(6, '0')}.jpg`, i));

export const writeFile = (folder: string, name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

/** Records in the CSV of `hyperiqa score --output`. */
export function csvOf(list: readonly ScoreRecord[]): string {
  const columns = Object.entries(resultColumns).filter(([, one]) => one.with === undefined || one.with === 'output');
  const rows = list.map((record) => columns.map(([, { cell }]) => cell(record)));
  return [columns.map(([name]) => name), ...rows].map((cells) => csvLine(cells)).join('');
}

/** A folder that goes when the test ends. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-results-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export const linesOf = (records: readonly ScoreRecord[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');

/** Writes records as complete shards. @returns the paths by index */
export function writeShards(folder: string, records: readonly ScoreRecord[], count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const shardRun = `${run} shard=${describeShard({ index, count })}`;
    const own = records.filter(({ file }) => shardOf(file, count) === index);
    const path = join(folder, `${index}.jsonl`);
    writeFileSync(path, linesOf(own.map((record) => ({ ...record, run: shardRun }))));
    const mark: ShardMark = { shard: { index, count }, run: shardRun, bytes: statSync(path).size, provenance };
    writeFileSync(`${path}.shard.json`, JSON.stringify(mark));
    return path;
  });
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
