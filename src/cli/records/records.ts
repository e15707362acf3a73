/** The records of `hyperiqa score`, with types as `definitions.ts` describes them. */
import { stat } from 'node:fs/promises';
import { inFlags } from '../terminal/in-flags.js';
import { describeShard, type Shard } from '../input/shard.js';
import type { Crops, Dtype, ErrorCode, Info, Protocol, ScoreResult } from '../../index.js';
import type { DetectorInfo, FaceScoreResult } from '../../faces/index.js';
import type { definitions } from './definitions.js';
import type { FromSchema } from './from-schema.js';

/** The type of a definition. */
export type Defined<Name extends keyof typeof definitions> = FromSchema<(typeof definitions)[Name], typeof definitions>;

/** The record of an image that has a score. */
export type ScoredRecord = Defined<'scored'>;
/** The record of an image that could not be scored. */
export type FailedRecord = Defined<'failed'>;
/** A record of `hyperiqa score`. */
export type ScoreRecord = ScoredRecord | FailedRecord;

/** The faces of an image with their scores, which are null for those that are not kept. */
export type FacesOfRecord = Defined<'faces'>;
export type FaceOfRecord = Defined<'face'>;

/** State of a file when it was scored: bytes, and time of the last change in whole milliseconds. */
export type Source = NonNullable<Defined<'source'>>;

/** Fields of a record that `--resume` needs; written with `--output` only. `run` is the text of {@link describeRun}. */
export type Resumable = Pick<FailedRecord, 'source' | 'run'>;

/** The record of a result. */
export function scored(file: string, result: ScoreResult, provenance: boolean): ScoredRecord {
  const { score, standardError, spread, crops, width, height, resized, warnings } = result;
  return {
    file,
    ...{ score, standardError, spread, crops, width, height, resized, warnings },
    ...(provenance && { provenance: result.provenance }),
  };
}

/** The part of a record about faces. */
export function facesOf({ detection }: FaceScoreResult, provenance: boolean): FacesOfRecord {
  return {
    status: detection.status,
    faces: detection.faces.map(({ result, ...face }) => ({
      ...face,
      score: result?.score ?? null,
      standardError: result?.standardError ?? null,
      spread: result?.spread ?? null,
    })),
    ...(provenance && { provenance: detection.provenance }),
  };
}

/** The record of a file that has no score. */
export function failed(file: string, error: { code: ErrorCode; message: string }): FailedRecord {
  return { file, error: { code: error.code, message: inFlags(error.message) } };
}

/** Size and time of the file as it is now; null where there is none to be seen. */
export async function sourceOf(file: string): Promise<Source | null> {
  try {
    const { size, mtimeMs } = await stat(file);
    return { size, mtimeMs: Math.floor(mtimeMs) };
  } catch {
    return null;
  }
}

/** `random:10`, `grid`, `grid:3x4`, `pyiqa`, `center`. */
export function describeCrops(crops: Crops): string {
  switch (crops.plan) {
    case 'random':
      return `random:${crops.count}`;
    case 'grid':
      return crops.rows === undefined ? 'grid' : `grid:${crops.rows}x${crops.columns ?? ''}`;
    case 'pyiqa':
    case 'center':
      return crops.plan;
  }
}

/** Options that decide what stands in a record. */
export interface RunOptions {
  protocol: Protocol;
  seed: bigint;
  maxStandardError?: number;
  maxCrops?: number;
  provenance: boolean;
  faces?: { info: DetectorInfo; options: object };
  shard?: Shard;
}

/** Model and options in one line. Two runs with the same line give the same records for the same files. */
export function describeRun(info: Info, options: RunOptions): string {
  const parts: Record<string, string | number | boolean> = {
    model: info.model.sha256,
    protocol: options.protocol.name,
    crops: describeCrops(options.protocol.crops),
    seed: options.seed.toString(),
    ...(options.maxStandardError !== undefined && { 'max-standard-error': options.maxStandardError }),
    ...(options.maxCrops !== undefined && { 'max-crops': options.maxCrops }),
    dtype: info.dtype satisfies Dtype,
    device: [...new Set(info.devices.map(({ id }) => id.replace(/:\d+$/, '')))].sort().join('+'),
    provenance: options.provenance,
    ...(options.faces && {
      'face-model': options.faces.info.model.sha256,
      faces: JSON.stringify(options.faces.options),
    }),
    // Last, where `splitRun` finds it.
    ...(options.shard && { shard: describeShard(options.shard) }),
  };
  return inOneLine(parts);
}

/** The text of `describeRun`, which is the field `run` of records, as all shares of a run have it, and the share. */
export function splitRun(text: string): { run: string; shard: Shard | undefined } {
  const [end = '', index, count] = / shard=(\d+)\/(\d+)$/.exec(text) ?? [];
  return {
    run: text.slice(0, text.length - end.length),
    shard: end === '' ? undefined : { index: Number(index), count: Number(count) },
  };
}

/** The same of a run of `hyperiqa faces`. `crops`: the folder, or false. */
export function describeFacesRun(
  { model, device }: DetectorInfo,
  options: { detecting: object; crops: string | false; provenance: boolean },
): string {
  return inOneLine({
    'face-model': model.sha256,
    faces: JSON.stringify(options.detecting),
    crops: typeof options.crops === 'string' ? encodeURI(options.crops) : false,
    device: device.id.replace(/:\d+$/, ''),
    provenance: options.provenance,
  });
}

const inOneLine = (parts: Record<string, string | number | boolean>) =>
  Object.entries(parts)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

/** The parts in which two runs differ, for a message: `seed=8 (here seed=7)`. */
export function differences(there: string, here: string): string {
  const split = (run: string) => run.split(' ');
  const names = (run: string) => split(run).map((part) => part.replace(/=.*/, ''));
  const value = (run: string, name: string) => split(run).find((part) => part.startsWith(`${name}=`)) ?? `no ${name}`;
  return [...new Set([...names(there), ...names(here)])]
    .filter((name) => value(there, name) !== value(here, name))
    .map((name) => `${value(there, name)} (now ${value(here, name)})`)
    .join(', ');
}
