/** Tests which part of an output file counts when it is continued: whole records only, and all of them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Resume, type ResumeFormat } from '../../src/cli/records/resume.js';
import { errorWith } from '../helpers/errors.js';
import { scratch } from './cli.js';
import { inert } from '../../src/add-on.js';

const run = 'model=abc seed=1';
const head = 'file,score,size,mtimeMs,run\n';
const jsonl: ResumeFormat<number> = { format: 'jsonl', head: '', run, value: ({ score }) => Number(score) };
const csv: ResumeFormat<number> = { ...jsonl, format: 'csv', head };

interface Row {
  file: string;
  score: number;
  size: number;
}
const line = ({ file, score, size }: Row) => `${JSON.stringify({ file, score, source: { size, mtimeMs: 7 }, run })}\n`;
const csvLine = ({ file, score, size }: Row) =>
  stringify([[inert(file), score, size, 7, run]], { record_delimiter: '\n' });

const row = fc.record({
  file: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  score: fc.integer({ min: -1000, max: 1000 }),
  size: fc.nat(),
});
const rows = fc.uniqueArray(row, { selector: ({ file }) => inert(file), maxLength: 8 });

test.each([
  ['JSON lines', jsonl, line, ''],
  ['CSV', csv, csvLine, head],
] as const)(
  '%s, cut off at any byte: whole records are taken, and the rest is not',
  async (_, format, write, start) => {
    const path = join(scratch(), 'records');
    await fc.assert(
      fc.asyncProperty(rows, fc.nat(), async (all, cut) => {
        const records = all.map((one) => Buffer.from(write(one)));
        const whole = Buffer.concat([Buffer.from(start), ...records]);
        const length = cut % (whole.length + 1);
        writeFileSync(path, whole.subarray(0, length));
        const resume = await Resume.read(path, format);
        let end = length < Buffer.byteLength(start) ? 0 : Buffer.byteLength(start);
        const kept = records.filter((record, i) => {
          const fits =
            records.slice(0, i + 1).reduce((sum, one) => sum + one.length, Buffer.byteLength(start)) <= length;
          if (fits) end += record.length;
          return fits;
        }).length;
        expect(resume.end).toBe(end);
        for (const [i, { file, score, size }] of all.entries()) {
          const changed = resume.take(i, file, { size: size + 1, mtimeMs: 7 });
          expect(changed).toBeUndefined();
          const again = await Resume.read(path, format);
          expect(again.take(i, file, { size, mtimeMs: 7 })).toBe(i < kept ? score : undefined);
        }
      }),
      { seed: 8, numRuns: 100 },
    );
  },
);

test.each([
  ['JSON lines', jsonl],
  ['CSV', csv],
] as const)('%s: whatever a file holds, it is continued or refused with ERR_RESUME', async (_, format) => {
  const path = join(scratch(), 'records');
  const good = fc.constantFrom(line({ file: 'a', score: 1, size: 1 }), csvLine({ file: 'a', score: 1, size: 1 }), head);
  const bits = fc.constantFrom('"', '{', '}', ',', '\n', '{"file":', 'null', '[]', '0', 'run', '\ufeff');
  const text = fc.array(fc.oneof(good, bits), { maxLength: 6 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(fc.oneof(text, fc.uint8Array({ maxLength: 40 })), async (content) => {
      writeFileSync(path, content);
      try {
        const resume = await Resume.read(path, format);
        expect(resume.end).toBeLessThanOrEqual(Buffer.byteLength(content));
      } catch (error) {
        expect(error).toEqual(errorWith('ERR_RESUME', /cannot be continued/));
      }
    }),
    { seed: 9, numRuns: 500 },
  );
});
