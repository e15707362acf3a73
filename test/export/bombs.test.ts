/** Checkpoints that would take all memory or all time: refused by the command line with little of either. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { main } from '../cli/cli.js';
import { scratch } from './scratch.js';
import { legacyStart, pickle, writeZip } from './torch-writer.js';

const MB = 1 << 20;
const twice = (index: number) => Buffer.from([0x5d, 0x28, 0x68, index, 0x68, index, 0x65, 0x71, index + 1]);

/** Content pickles by what they try. */
const bombs: [string, Buffer | Buffer[]][] = [
  ['sixteen million dictionaries', Buffer.alloc(16 * MB, '}')],
  ['sixteen million marks', Buffer.alloc(16 * MB, '(')],
  ['a pickle longer than any', Buffer.alloc(64 * MB, 'N')],
  ['a list of a hundred thousand, copied a hundred thousand times', copies()],
  [
    'lists of lists, 2²⁰⁰ in all',
    [Buffer.from(']q\0'), ...Array.from({ length: 200 }, (_, i) => twice(i)), pickle.stop],
  ],
  ['a text of 4 GB', Buffer.from('X\xff\xff\xff\xff', 'latin1')],
  [
    'an entry with a name of 15 MB',
    [pickle.dictionary, pickle.mark, pickle.text('x'.repeat(15 * MB)), pickle.none, pickle.items, pickle.stop],
  ],
];

function copies(): Buffer[] {
  const pairs = Array.from({ length: 60_000 }, () => Buffer.from(')'));
  const list = [Buffer.from(']('), ...pairs, Buffer.from('e\x85q\x01', 'latin1')];
  const ordered = pickle.global('collections', 'OrderedDict');
  const call = Buffer.from('h\x02h\x01R', 'latin1');
  return [
    ...list,
    ordered,
    Buffer.from('q\x02', 'latin1'),
    ...Array.from({ length: 100_000 }, () => call),
    pickle.stop,
  ];
}

/** Runs the export with a small heap, and with a limit that only a hang can reach. */
function refuse(path: string): string {
  const output = join(path, '..', 'model.pt');
  const { status, stderr, error } = spawnSync(
    process.execPath,
    ['--max-old-space-size=256', main, 'export', path, '--dataset', 'koniq10k', '-o', output],
    { encoding: 'utf8', timeout: 100_000 },
  );
  expect({ status, error: error?.message, stderr }).toEqual({
    status: 2,
    error: undefined,
    stderr: expect.stringMatching(/^hyperiqa: .*\(ERR_CHECKPOINT_(DAMAGED|FORMAT|UNSAFE|KEYS)\)\n$/) as string,
  });
  // A message is for people.
  expect(stderr.length).toBeLessThan(2000);
  expect(existsSync(output)).toBe(false);
  return stderr;
}

test.each(bombs)('%s', async (_, bytes) => {
  const content = Buffer.concat([pickle.start, ...[bytes].flat()]);
  const folder = scratch();
  refuse(await writeZip(join(folder, 'zip.pth'), content));
  await writeFile(join(folder, 'legacy.pkl'), Buffer.concat([legacyStart, content]));
  refuse(join(folder, 'legacy.pkl'));
});

test('a terabyte of nothing', async () => {
  const path = join(scratch(), 'sparse');
  await writeFile(path, '');
  await truncate(path, 1e12);
  expect(refuse(path)).toContain('ERR_CHECKPOINT_FORMAT');
  await writeFile(path, 'PK\x03\x04');
  await truncate(path, 1e12);
  expect(refuse(path)).toContain('ERR_CHECKPOINT_DAMAGED');
});

test('an archive of sixty thousand records', async () => {
  const path = join(scratch(), 'records.zip');
  const end = Buffer.from(`PK\x05\x06${'\0'.repeat(18)}`, 'latin1');
  end.writeUInt16LE(60_000, 8);
  end.writeUInt16LE(60_000, 10);
  await writeFile(path, Buffer.concat([Buffer.from('PK\x03\x04'), end]));
  expect(refuse(path)).toContain('60000 records');
});
