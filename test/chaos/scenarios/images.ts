/** Damaged images of every format. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

import { fixtures, root } from '../../cli/cli.js';
import { Child } from '../child.js';
import { mutate } from '../mutate.js';
import type { Scenario } from '../scenario.js';

/** Possible faults of a readable image. */
const codes = ['ERR_IMAGE_DECODE', 'ERR_IMAGE_EMPTY', 'ERR_IMAGE_FORMAT', 'ERR_IMAGE_TOO_LARGE'];
/** Above the first image's peak, bytes: of 4 megapixels there are several copies on the way, in up to 8 bytes a value. */
const MEMORY = 700e6;

interface Answer {
  score?: number;
  code?: string;
  message?: string;
  peak: number;
}

export const scenario: Scenario = {
  about: 'mutated images: each gives a score or an error with a known code, in a process that lives and stays small',
  async round({ random, folder, scale }) {
    const images = join(root, fixtures);
    const names = readdirSync(images).filter((name) => !/^(ATTRIBUTION|broken|large-)/.test(name));
    const child = new Child('images', [], 600_000);
    const seen = new Map<string, number>();
    let first = 0;
    let peak = 0;
    // Files that nobody damaged come first.
    const files = [join(images, 'jpeg-420.jpg'), join(images, 'png-rgb.png')];
    const count = 120 * scale;
    for (let i = 0; i < count; i++) {
      // Every format in turn.
      const name = names[i % names.length] ?? '';
      const other = random.pick(names.filter((one) => extname(one) === extname(name)));
      const { bytes, how } = mutate(readFileSync(join(images, name)), readFileSync(join(images, other)), random);
      const file = files.shift() ?? join(folder, `mutated${extname(name)}`);
      if (file.startsWith(folder)) writeFileSync(file, bytes);
      child.send(file);
      const answer = await child.answer<Answer>();
      const what = `image ${i}, ${name} (${how})`;
      if (answer === undefined) throw wrong(file, `${what}: the process died: ${JSON.stringify(await child.ended)}`);
      const { score, code, message } = answer;
      const result = code ?? (Number.isFinite(score) ? 'scored' : `score ${String(score)}`);
      if (result !== 'scored' && !codes.includes(result)) throw wrong(file, `${what}: ${result} ${message ?? ''}`);
      seen.set(result, (seen.get(result) ?? 0) + 1);
      first ||= answer.peak;
      peak = answer.peak;
      if ((peak - first) * 1024 > MEMORY) throw wrong(file, `${what}: the peak went up to ${peak} KiB from ${first}`);
    }
    child.end();
    const end = await child.ended;
    if (end.code !== 0) throw new Error(`the end: ${JSON.stringify(end)}`);
    const results = [...seen].sort().map(([result, number]) => `${number} ${result}`);
    return `${count} images: ${results.join(', ')}; ${Math.round((peak - first) / 1024)} MiB above the first image`;
  },
};

/** The file is kept: it is what has to be mended. */
function wrong(file: string, message: string): Error {
  const kept = join(mkdtempSync(join(tmpdir(), 'hyperiqa-chaos-')), `image${extname(file)}`);
  copyFileSync(file, kept);
  return new Error(`${message}; the file is kept as ${kept}`);
}
