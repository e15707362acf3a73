/** Outputs: one writer, whole or not at all, and never over an input. */
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

import { OutputFolder } from '../../src/cli/output/output-folder.js';
import { openOutput, openWholeOutput, type OutputInputs } from '../../src/cli/output/output.js';
import { writeWhole } from '../../src/files/atomic-file.js';
import { openLocked } from '../../src/locks/file-lock.js';
import { errorWith } from '../helpers/errors.js';
import { fixtures, hyperiqa, photos, quick, records, root, score, scratch, scratchPhotos, start, text } from './cli.js';

const never = new AbortController().signal;
const none = { paths: [], recursive: false };
const noInputs: OutputInputs = { files: [], images: none };
const center = ['--crops', 'center'];
const slow = ['--protocol', 'official', '--crops', '10', '--concurrency', '2'];
const many = (count: number) => Array.from({ length: count }, () => `${photos}/lake.jpg`);

function fifo(): string {
  const path = join(scratch(), 'fifo');
  execFileSync('mkfifo', [path]);
  return path;
}

describe('one writer', () => {
  test('a second process is refused, and the first one loses nothing', async () => {
    const output = join(scratch(), 'scores.jsonl');
    // Its list stays open, so that it goes on until the test has seen enough.
    const first = start(['score', '-', ...slow, ...quick(), '-o', output], {
      input: many(3)
        .map((file) => `${file}\n`)
        .join(''),
      open: true,
    });
    await expect.poll(() => sizeOf(output), { timeout: 110_000 }).toBeGreaterThan(0);
    for (const more of [[], ['--resume']]) {
      const second = await score([...many(3), ...slow, '-o', output, ...more]);
      expect(second.code, second.stderr).toBe(2);
      expect(second.stderr).toMatch(/Another process is writing to .*scores\.jsonl.*\(ERR_OUTPUT_BUSY\)\n$/);
    }
    first.child.stdin!.end(`${photos}/kitten.jpg\n`);
    expect((await first.ended).code).toBe(0);
    expect(records(text(output)).map(({ file }) => file)).toEqual([...many(3), `${photos}/kitten.jpg`]);
  });

  test('a process that was killed leaves no lock', async () => {
    const output = join(scratch(), 'scores.jsonl');
    const first = start(['score', ...many(40), ...slow, ...quick(), '-o', output]);
    await expect.poll(() => sizeOf(output), { timeout: 110_000 }).toBeGreaterThan(0);
    first.child.kill('SIGKILL');
    await first.ended;
    const before = records(text(output)).length;
    const second = await score([...many(before + 1), ...slow, '-o', output, '--resume']);
    expect(second.code, second.stderr).toBe(0);
    expect(records(text(output))).toHaveLength(before + 1);
  });

  test('the lock is that of the file, under whatever name, and ends with the handle', async () => {
    const folder = scratch();
    const path = join(folder, 'a');
    const { handle, locked } = await openLocked(path);
    expect(locked).toBe(true);
    symlinkSync(path, join(folder, 'soft'));
    linkSync(path, join(folder, 'hard'));
    for (const name of ['a', 'soft', 'hard', './a']) {
      await expect(openLocked(join(folder, name)), name).rejects.toEqual(errorWith('ERR_OUTPUT_BUSY'));
    }
    await handle.close();
    await (await openLocked(path)).handle.close();
  });

  test('who waits at the door of a file that is replaced meanwhile gets the new one', async () => {
    const path = join(scratch(), 'a');
    for (let round = 0; round < 20; round++) {
      const { handle } = await openLocked(path);
      await writeWhole(path, 'new');
      const opened = openLocked(path);
      await handle.close();
      const next = await opened;
      await next.handle.writeFile('NEW');
      await next.handle.close();
      expect(text(path)).toBe('NEW');
    }
  });

  test('a run that never started leaves neither a file nor a lock', async () => {
    const output = join(scratch(), 'scores.jsonl');
    const { code } = await hyperiqa(['score', `${photos}/lake.jpg`, '--model', 'nowhere.pt', '-o', output]);
    expect(code).toBe(2);
    expect(readdirSync(join(output, '..'))).toEqual([]);
  });
});

describe('an output is no input', () => {
  test('under other names, in folders and patterns, and by content', async () => {
    const folder = scratchPhotos('photo', 'b.jpg', 'sub.jpg');
    const at = (file: string) => join(folder, file);
    symlinkSync(at('photo'), at('soft'));
    linkSync(at('photo'), at('hard'));
    writeFileSync(at('scores.jsonl'), 'before\n');
    const cases: [string, OutputInputs][] = [
      ['photo', { files: [undefined, at('photo')], images: none }],
      ['soft', { files: [at('hard')], images: none }],
      ['scores.jsonl', { files: [`${folder}/.//scores.jsonl`], images: none }],
      ['scores.jsonl', { files: [], images: { paths: [`${folder}/s*`], recursive: false } }],
      ['b.jpg', { files: [], images: { paths: [folder], recursive: false } }],
      // One that is not there yet, named twice.
      ['new.jsonl', { files: [], images: { paths: [at('new.jsonl')], recursive: false } }],
    ];
    for (const [output, inputs] of cases) {
      const before = contentOf(at(output));
      await expect(openOutput(at(output), inputs, never), output).rejects.toEqual(errorWith('ERR_OUTPUT', /read/));
      expect(contentOf(at(output))).toEqual(before);
    }
    // An image of any name, even where no argument names it.
    const image = errorWith('ERR_OUTPUT', /is a jpeg image/);
    await expect(openOutput(at('photo'), noInputs, never)).rejects.toEqual(image);
    await expect(openWholeOutput(at('photo'), never)).rejects.toEqual(image);
    expect(readdirSync(folder)).not.toContain('new.jsonl');
  });

  test.each([
    ['score', (path: string) => [path, '-o', path]],
    ['score', (path: string) => ['examples/photos/lake.jpg', '--model', path, '-o', path]],
    ['faces', (path: string) => ['examples/photos/lake.jpg', path, '-o', path]],
    ['eval', (path: string) => ['docs/scores.csv', '--mos', path, '-o', path]],
    ['eval', (path: string) => [path, '--mos', path, '-o', path]],
    ['report', (path: string) => [path, '-o', path]],
    ['export', (path: string) => [path, '--dataset', 'koniq10k', '-o', path]],
  ])('%s refuses it', async (command, args) => {
    const folder = scratch();
    const path = join(folder, 'file.csv');
    writeFileSync(path, 'image,score\na.jpg,1\n');
    linkSync(path, join(folder, 'other.csv'));
    const given = args(path);
    // The output under another name of the same file.
    const { code, stderr } = await hyperiqa([command, ...given.slice(0, -1), join(folder, 'other.csv')]);
    expect(stderr).toMatch(/is read|itself/);
    expect(stderr).toMatch(/\((ERR_OUTPUT|ERR_INVALID_ARGUMENT)\)\n/);
    expect(code).toBe(2);
    expect(text(path)).toBe('image,score\na.jpg,1\n');
  });

  test('the list on standard input', () => {
    const folder = scratchPhotos('a.jpg');
    const list = join(folder, 'list.txt');
    writeFileSync(list, 'a.jpg\n');
    const command = `"${process.execPath}" "${join(root, 'dist/cli/main.js')}" score - -o list.txt < list.txt`;
    expect(() => execFileSync('sh', ['-c', command], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })).toThrow(
      /standard input.*ERR_OUTPUT/s,
    );
    expect(text(list)).toBe('a.jpg\n');
  });
});

describe('whole or not at all', () => {
  test('a failure leaves what was there, and nothing beside it', async () => {
    const folder = scratch();
    const path = join(folder, 'a.txt');
    writeFileSync(path, 'before');
    chmodSync(path, 0o640);
    await expect(writeWhole(path, Symbol('no text') as never)).rejects.toThrow();
    expect([text(path), readdirSync(folder)]).toEqual(['before', ['a.txt']]);
    await writeWhole(path, 'after');
    expect([text(path), readdirSync(folder)]).toEqual(['after', ['a.txt']]);
    expect(execFileSync('stat', ['-c', '%a', path], { encoding: 'utf8' })).toBe('640\n');
  });

  test('links are followed, also to files that are not there yet; what is no file is refused', async () => {
    const folder = scratch();
    const at = (name: string) => join(folder, name);
    writeFileSync(at('target'), 'before');
    symlinkSync('target', at('link'));
    symlinkSync('missing', at('dangling'));
    mkdirSync(at('folder'));
    await writeWhole(at('link'), 'after');
    await writeWhole(at('dangling'), 'new');
    expect([text(at('target')), text(at('missing'))]).toEqual(['after', 'new']);
    for (const path of [at('folder'), '/dev/null'])
      await expect(writeWhole(path, '')).rejects.toThrow(/no regular file/);
  });

  test('eval and report leave the file of an earlier run where they fail', async () => {
    const folder = scratch();
    for (const command of ['eval', 'report']) {
      const output = join(folder, `${command}.txt`);
      writeFileSync(output, 'before');
      const args = [command, 'docs/cli.md', '--mos', 'docs/cli.md', '-o', output];
      expect((await hyperiqa(args)).code).toBe(2);
      expect(text(output)).toBe('before');
    }
    expect(readdirSync(folder).sort()).toEqual(['eval.txt', 'report.txt']);
  });

  test('export replaces no device', async () => {
    const checkpoint = join(scratch(), 'x.pth');
    writeFileSync(checkpoint, 'x');
    const { code, stderr } = await hyperiqa(['export', checkpoint, '--dataset', 'koniq10k', '-o', '/dev/null']);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/\/dev\/null is there and is no regular file.*ERR_OUTPUT/),
    ]);
  });
});

/** Says when signals are no longer obeyed by default. */
const sayWhenListening = `process.on('newListener', (name) => { if (name === 'SIGTERM') console.error('listening'); })`;

describe('named pipes and devices', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('a pipe without a reader: the first %s ends the run', async (signal) => {
    const path = fifo();
    const { child, ended, said } = start(['score', `${photos}/lake.jpg`, ...quick(), '-o', path], {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(sayWhenListening)}` },
    });
    await said('stderr', 'listening');
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.kill(signal);
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([signal === 'SIGINT' ? 130 : 143, expect.stringContaining('interrupted')]);
  });

  test('a reader gets everything, whenever it comes', async () => {
    const path = fifo();
    const { ended } = start(['score', `${photos}/lake.jpg`, `${photos}/kitten.jpg`, ...center, ...quick(), '-o', path]);
    const read = execFileAsync('cat', path);
    expect((await ended).code).toBe(0);
    expect(records(await read)).toHaveLength(2);
  });

  test('a reader that takes nothing does not keep the run from ending', async () => {
    const path = fifo();
    const { child, ended } = start(['score', ...many(400), '--crops', 'grid', ...quick(), '-o', path]);
    // Opened for both, so that opening does not wait.
    const reader = openSync(path, 'r+');
    try {
      const first = Buffer.alloc(1);
      readSync(reader, first);
      expect(first.toString()).toBe('{');
      child.kill('SIGINT');
      expect((await ended).code).toBe(130);
    } finally {
      closeSync(reader);
    }
  });

  test('a reader that goes away ends the run quietly', async () => {
    const path = fifo();
    const { ended } = start(['score', ...many(400), '--crops', 'grid', ...quick(), '-o', path]);
    execFileSync('head', ['-c', '1', path]);
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('devices', async () => {
    expect((await score([`${photos}/lake.jpg`, ...center, '-o', '/dev/null'])).code).toBe(0);
    const out = await score([`${photos}/lake.jpg`, ...center, '-o', '/dev/stdout']);
    expect([out.code, records(out.stdout).length]).toEqual([0, 1]);
    const full = await score([`${photos}/lake.jpg`, ...center, '-o', '/dev/full']);
    expect([full.code, full.stderr]).toEqual([2, expect.stringMatching(/no space left.*\(ERR_OUTPUT\)\n$/)]);
  });
});

describe('folders: crops, maps, pictures', () => {
  const portrait = join(root, 'examples/face-study/photos/portrait-11.jpg');
  const crops = (cwd: string, ...args: string[]) => hyperiqa(['faces', ...args, '--exactly-one', '-q'], { cwd });

  test.each([
    [
      'a file of others',
      (path: string, other: string) => {
        copyFileSync(other, path);
      },
    ],
    [
      'a link',
      (path: string, other: string) => {
        symlinkSync(other, path);
      },
    ],
    [
      'a link to nothing',
      (path: string) => {
        symlinkSync('nowhere', path);
      },
    ],
    [
      'a hard link',
      (path: string, other: string) => {
        linkSync(other, path);
      },
    ],
    [
      'a folder',
      (path: string) => {
        mkdirSync(path);
      },
    ],
  ])('%s is not replaced', async (_, make) => {
    const cwd = scratch();
    copyFileSync(portrait, join(cwd, 'a.jpg'));
    copyFileSync(join(root, fixtures, 'png-rgb.png'), join(cwd, 'original.png'));
    const original = readFileSync(join(cwd, 'original.png'));
    mkdirSync(join(cwd, 'out'));
    make(join(cwd, 'out', 'a.png'), join(cwd, 'original.png'));
    const { code, stderr } = await crops(cwd, 'a.jpg', '--crops', 'out');
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(
      /out\/a\.png cannot be written: it is there and hyperiqa did not write it.*\(ERR_OUTPUT\)\n$/,
    );
    expect(readFileSync(join(cwd, 'original.png')).equals(original)).toBe(true);
    expect(readdirSync(join(cwd, 'out'))).toEqual(['a.png']);
  });

  test('a run replaces what an earlier one wrote, but not where it is an input now', async () => {
    const cwd = scratch();
    copyFileSync(portrait, join(cwd, 'a.jpg'));
    expect((await crops(cwd, 'a.jpg', '--crops', 'out')).code).toBe(0);
    const crop = readFileSync(join(cwd, 'out', 'a.png'));
    writeFileSync(join(cwd, 'out', '.hyperiqa-00000000-0000-0000-0000-000000000000.tmp'), 'of a run that was killed');
    expect((await crops(cwd, 'a.jpg', '--crops', 'out', '--margin', '0.2')).code).toBe(0);
    expect(readdirSync(join(cwd, 'out'))).toEqual(['a.png']);
    const wider = readFileSync(join(cwd, 'out', 'a.png'));
    expect(wider.equals(crop)).toBe(false);
    symlinkSync('out/a.png', join(cwd, 'b.png'));
    for (const inputs of [
      ['a.jpg', 'b.png'],
      ['a.jpg', 'out'],
      ['a.jpg', '*.png'],
    ]) {
      const { code, stderr } = await crops(cwd, ...inputs, '--crops', 'out');
      expect([code, stderr]).toEqual([2, expect.stringMatching(/is an input/)]);
      expect(readFileSync(join(cwd, 'out', 'a.png')).equals(wider)).toBe(true);
    }
  });

  test('two runs do not share a folder', async () => {
    const cwd = scratch();
    copyFileSync(portrait, join(cwd, 'a.jpg'));
    mkdirSync(join(cwd, 'out'));
    const { handle } = await openLocked(join(cwd, 'out', '.hyperiqa.lock'));
    const { code, stderr } = await crops(cwd, 'a.jpg', '--crops', 'out');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/writing to out\..*ERR_OUTPUT_BUSY/)]);
    await handle.close();
    expect((await crops(cwd, 'a.jpg', '--crops', 'out')).code).toBe(0);
    expect(readdirSync(join(cwd, 'out'))).toEqual(['a.png']);
  });

  test('what stands under the name of the lock is neither followed, removed nor waited for', async () => {
    const link = scratch();
    symlinkSync(join(link, 'other'), join(link, '.hyperiqa.lock'));
    const pipe = scratch();
    execFileSync('mkfifo', [join(pipe, '.hyperiqa.lock')]);
    const folder = scratch();
    mkdirSync(join(folder, '.hyperiqa.lock'));
    for (const path of [link, pipe, folder]) {
      await expect(OutputFolder.open(path, none)).rejects.toEqual(errorWith('ERR_OUTPUT'));
      expect(readdirSync(path)).toEqual(['.hyperiqa.lock']);
    }
  });

  test('maps: photographs that are called like maps stay', async () => {
    const cwd = scratchPhotos('a.jpg');
    copyFileSync(join(root, fixtures, 'png-rgb.png'), join(cwd, 'a-map.png'));
    const original = readFileSync(join(cwd, 'a-map.png'));
    const map = (...args: string[]) => hyperiqa(['map', ...args, '--stride', '224', ...quick()], { cwd });
    const { code, stderr } = await map('a.jpg', '-o', '.');
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/a-map\.png cannot be written/);
    expect(readFileSync(join(cwd, 'a-map.png')).equals(original)).toBe(true);
    // JSON that looks like ours, and is not.
    writeFileSync(join(cwd, 'a-map.json'), '{"file":"a.jpg"}\n');
    expect((await map('a.jpg', '-o', '.', '--no-picture')).stderr).toMatch(/a-map\.json cannot be written/);
    expect((await map('a.jpg', '-o', 'maps')).code).toBe(0);
    expect((await map('a.jpg', '-o', 'maps')).code).toBe(0);
    expect(readdirSync(join(cwd, 'maps')).sort()).toEqual(['a-map.json', 'a-map.png']);
    const again = await map('maps', 'a.jpg', '-o', 'maps');
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/a-map\.png cannot be written.*is an input/)]);
  });

  test('report --pictures', async () => {
    const cwd = scratch();
    writeFileSync(join(cwd, 's.csv'), 'image,score\na.jpg,1\nb.jpg,2\nc.jpg,4\n');
    const report = (folder: string) => hyperiqa(['report', 's.csv', '--pictures', folder, '-q'], { cwd });
    for (let round = 0; round < 2; round++) expect((await report('pictures')).code).toBe(0);
    const [name] = readdirSync(join(cwd, 'pictures'));
    expect(name).toMatch(/\.svg$/);
    writeFileSync(join(cwd, 'pictures', name!), '<svg/>');
    const { code, stderr } = await report('pictures');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/hyperiqa did not write it/)]);
    expect(text(cwd, 'pictures', name!)).toBe('<svg/>');
  });
});

const execFileAsync = async (command: string, ...args: string[]) => (await promisify(execFile)(command, args)).stdout;

function contentOf(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}

function sizeOf(path: string): number {
  try {
    return readFileSync(path).length;
  } catch {
    return 0;
  }
}
