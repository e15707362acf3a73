/** Model files from strangers: damaged ones, ones that were rewritten with their checksums, and ones that nest. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { faceModel, qualityModel, recordsOf, withForward, withRecord } from '../../models/archives.js';
import { Child } from '../child.js';
import { mutate } from '../mutate.js';
import type { Random, Scenario } from '../scenario.js';
import { findLibTorch } from '../../helpers/libtorch.js';

/** Possible outcomes of loading a readable model file. */
const codes = [
  'loaded',
  'ERR_MODEL_FORMAT',
  'ERR_MODEL_UNTRUSTED',
  // A number in the weights or the description was changed.
  'ERR_MODEL_SELF_CHECK',
  'ERR_INVALID_ARGUMENT',
];
/** Above the first load's peak, bytes: some copies of the file and of what is read from it. */
const MEMORY = 300e6;

interface Answer {
  code: string;
  message?: string;
  peak: number;
}

type Hostile = (to: string, random: Random) => Promise<['faces' | 'quality', how: string]>;

const kinds: Record<string, Hostile> = {
  'a damaged file': (to, random) => {
    const [model, other] = random.chance(0.8) ? [faceModel, qualityModel] : [qualityModel, faceModel];
    const { bytes, how } = mutate(readFileSync(model), readFileSync(other), random);
    writeFileSync(to, bytes);
    return Promise.resolve([model === faceModel ? 'faces' : 'quality', how]);
  },
  // The archive around it is whole, so what reads the record meets the damage.
  'a changed record': async (to, random) => {
    const records = [...(await recordsOf(faceModel))].filter(([, bytes]) => bytes.length > 0);
    const [name, bytes] = random.pick(records.filter(([name]) => random.chance(0.1) || !name.startsWith('data/')));
    const changed = mutate(bytes, random.pick(records)[1], random);
    await withRecord(faceModel, to, name, changed.bytes);
    return ['faces', `${name}: ${changed.how}`];
  },
  'code that nests': async (to, random) => {
    const [open, inside, close] = random.pick([
      ['(', '1', ')'],
      ['[', '1', ']'],
      ['-', '1', ''],
      ['not ', 'True', ''],
      ['torch.neg(', 'patches', ')'],
      ['1 if ', 'True', ' else 1'],
      ['List[', 'int', ']'],
    ] as const);
    const depth = random.pick([30, 100, 1000, 100_000]);
    const nested = `${open.repeat(depth)}${inside}${close.repeat(depth)}`;
    const statement = open === 'List[' ? `y = annotate(${nested}, [])` : `y = ${nested}`;
    await withForward(to, statement);
    return ['quality', `${depth} times ${open}${close}`];
  },
};

export const scenario: Scenario = {
  about:
    'hostile models: each loads or is refused with a known code, in a process that lives, stays small and writes nothing',
  async round({ random, folder, scale }) {
    const cache = mkdtempSync(join(folder, 'cache-'));
    const child = new Child('models', [], 600_000, { HYPERIQA_CACHE: cache, HYPERIQA_LIBTORCH: findLibTorch().path });
    const file = join(folder, 'model.pt');
    const seen = new Map<string, number>();
    let first = 0;
    let peak = 0;
    const count = 30 * scale;
    for (let i = 0; i < count; i++) {
      const kind = i === 0 ? 'the detector itself' : random.pick(Object.keys(kinds));
      const [network, how] = (await kinds[kind]?.(file, random)) ?? ['faces', 'a copy'];
      if (i === 0) copyFileSync(faceModel, file);
      child.send([network, file]);
      const answer = await child.answer<Answer>();
      const what = `model ${i}, ${kind} (${how})`;
      if (answer === undefined) throw wrong(file, `${what}: the process died: ${JSON.stringify(await child.ended)}`);
      const { code, message } = answer;
      if (!codes.includes(code)) throw wrong(file, `${what}: ${code} ${message ?? ''}`);
      seen.set(code, (seen.get(code) ?? 0) + 1);
      first ||= answer.peak;
      peak = answer.peak;
      if ((peak - first) * 1024 > MEMORY) throw wrong(file, `${what}: the peak went up to ${peak} KiB from ${first}`);
      const stray = readdirSync(folder).filter((name) => name !== 'model.pt' && !name.startsWith('cache-'));
      if (stray.length > 0) throw wrong(file, `${what}: left ${stray.join(', ')}`);
    }
    child.end();
    const end = await child.ended;
    if (end.code !== 0 || end.stderr !== '') throw new Error(`the end: ${JSON.stringify(end)}`);
    const results = [...seen].sort().map(([code, number]) => `${number} ${code}`);
    return `${count} models: ${results.join(', ')}; ${Math.round((peak - first) / 1024)} MiB above the first`;
  },
};

/** The file is kept: it is what has to be mended. */
function wrong(file: string, message: string): Error {
  const kept = join(mkdtempSync(join(tmpdir(), 'hyperiqa-chaos-')), 'model.pt');
  copyFileSync(file, kept);
  return new Error(`${message}; the file is kept as ${kept}`);
}
