/** Shares of images by a hash of their names. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { shardOf } from '../../src/cli/input/shard.js';
import type { ShardMark } from '../../src/cli/records/shard-mark.js';
import { about, csvRows, quick, records, root, score, scratch, scratchPhotos, start, text } from './cli.js';

const options = ['--protocol', 'official', '--crops', '2'];
const names = Array.from({ length: 12 }, (_, i) => `photo-${i}.jpg`);
const markOf = (output: string) => JSON.parse(text(`${output}.shard.json`)) as ShardMark;

test('the share of a name is that of its SHA-256, on every system', () => {
  // Python: int.from_bytes(sha256(name.encode()).digest()[:6], 'big') % count
  expect(shardOf('photos/a.jpg', 8)).toBe(1);
  expect(shardOf('photos/b.jpg', 8)).toBe(0);
  expect(shardOf('ä/ß €.jpg', 1_000_000)).toBe(287_881);
  expect(shardOf('photos\\a.jpg', 8)).toBe(shardOf('photos/a.jpg', 8));
});

test('shares are of about the same size', () => {
  const sizes = Array.from({ length: 16 }, () => 0);
  for (let i = 0; i < 16_000; i++) sizes[shardOf(`photos/${i}.jpg`, 16)]!++;
  // Four standard deviations of the binomial distribution.
  for (const size of sizes) expect(Math.abs(size - 1000)).toBeLessThan(4 * Math.sqrt(1000 * (15 / 16)));
});

test.each(['folder', 'pattern', 'list'] as const)(
  'a %s: each image is in one share, and so under any order',
  async (kind) => {
    const cwd = scratchPhotos(...names);
    const lists: Record<typeof kind, { paths: string[]; input?: string }> = {
      folder: { paths: ['.'] },
      pattern: { paths: ['./*.jpg'] },
      list: {
        paths: ['-'],
        input: names
          .toReversed()
          .map((name) => `./${name}\n`)
          .join(''),
      },
    };
    const { paths, input } = lists[kind];
    const found: string[][] = [];
    for (const index of [0, 1, 2]) {
      const output = join(cwd, `${index}.jsonl`);
      const { code, stderr } = await score([...paths, ...options, '--shard', `${index}/3`, '-o', output], {
        cwd,
        ...(input !== undefined && { input }),
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      found.push(records(text(output)).map(({ file }) => file));
      expect(markOf(output)).toMatchObject({ shard: { index, count: 3 }, bytes: readFileSync(output).length });
    }
    const all = found.flat();
    expect(all.toSorted()).toEqual(names.map((name) => `./${name}`).toSorted());
    for (const [index, files] of found.entries()) {
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) expect(shardOf(file, 3)).toBe(index);
    }
  },
);

for (const format of ['jsonl', 'csv'] as const) {
  const read = format === 'csv' ? csvRows : records;

  test(`${format}: a shard is marked when it is complete, and only then`, async () => {
    const cwd = scratchPhotos(...names);
    writeFileSync(join(cwd, names[0]!), 'no image');
    const output = join(cwd, `0.${format}`);
    const run = (...more: string[]) =>
      score(['.', ...options, '--format', format, '--shard', '0/1', '-o', output, ...more], { cwd });
    // An image that failed has its record.
    expect((await run()).code).toBe(1);
    const whole = read(text(output));
    expect(whole).toHaveLength(names.length);
    const mark = markOf(output);
    expect(mark.run).toMatch(/ shard=0\/1$/);
    expect(mark.run).toBe(whole[0]!.run);
    expect(mark.provenance).toMatchObject({ model: { name: expect.any(String) }, seed: '0' });
    truncateSync(output, Math.floor(mark.bytes / 2));
    expect((await run('--resume')).code).toBe(1);
    expect(read(text(output))).toEqual(about(whole));
    expect(markOf(output).bytes).toBe(readFileSync(output).length);
  });
}

test('an interrupted run leaves no mark, and takes away that of an earlier one', async () => {
  const cwd = scratchPhotos(...names);
  const output = join(cwd, '0.jsonl');
  expect((await score(['.', ...options, '--shard', '0/1', '-o', output], { cwd })).code).toBe(0);
  expect(existsSync(`${output}.shard.json`)).toBe(true);
  const list = ['-', ...options, '--shard', '0/1', '-o', output, ...quick()];
  const { child, ended } = start(['score', ...list], { cwd, input: `${names[0]!}\n`, open: true });
  await vanished(`${output}.shard.json`, ended);
  child.kill('SIGINT');
  expect((await ended).code).toBe(130);
  expect(existsSync(`${output}.shard.json`)).toBe(false);
});

/** Resolves when the file is gone. */
async function vanished(path: string, ended: Promise<unknown>): Promise<void> {
  const over = ended.then(() => true);
  while (existsSync(path)) {
    if (await Promise.race([over, sleep(20, false)])) throw new Error(`the run ended, and ${path} is still there`);
  }
}

test('the file of a shard is not continued as another one', async () => {
  const cwd = scratchPhotos(...names);
  const output = join(cwd, 'x.jsonl');
  expect((await score(['.', ...options, '--shard', '0/3', '-o', output], { cwd })).code).toBe(0);
  for (const more of [['--shard', '1/3'], ['--shard', '0/2'], []]) {
    const { code, stderr } = await score(['.', ...options, ...more, '-o', output, '--resume'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/shard=0\/3 \(now .*ERR_RESUME/);
  }
  expect(existsSync(`${output}.shard.json`)).toBe(true);
});

test('a shard without images is complete, and says so', async () => {
  const cwd = scratchPhotos('photo-0.jpg');
  const index = 1 - shardOf('./photo-0.jpg', 2);
  const output = join(cwd, 'x.jsonl');
  const { code, stderr } = await score(['.', ...options, '--shard', `${index}/2`, '-o', output], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: `hyperiqa: no image is in shard ${index}/2\n` });
  expect(text(output)).toBe('');
  expect(markOf(output)).toMatchObject({ shard: { index, count: 2 }, bytes: 0, provenance: null });
});

test('a folder without images is refused for every shard', async () => {
  const { code, stderr } = await score(['.', '--shard', '0/2', '-o', 'x.jsonl'], { cwd: scratch() });
  expect(code).toBe(2);
  expect(stderr).toContain('There is no image in .');
});

test('the mark lies beside the file that a link leads to, and is made again where a run has nothing left to do', async () => {
  const cwd = scratchPhotos('photo-0.jpg');
  mkdirSync(join(cwd, 'disk'));
  symlinkSync('disk/0.jsonl', join(cwd, 'link.jsonl'));
  const run = () => score(['.', ...options, '--shard', '0/1', '-o', 'link.jsonl', '--resume'], { cwd });
  expect((await run()).code).toBe(0);
  const output = join(cwd, 'disk/0.jsonl');
  const mark = markOf(output);
  rmSync(`${output}.shard.json`);
  expect((await run()).code).toBe(0);
  // The repeated run scored no image.
  expect(markOf(output)).toEqual({ ...mark, provenance: null });
});

test.each([
  '8/8',
  '1/0',
  '0/0',
  '-1/8',
  '1',
  '1/',
  '/8',
  '1.5/8',
  '0/1000001',
  '1/8/2',
  'a/b',
  ' 1/8',
  '01234567/99999999',
])('--shard %s is refused', async (shard) => {
  const { code, stdout, stderr } = await score(['examples/photos', `--shard=${shard}`, '-o', '/nowhere/x.jsonl']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/--shard must be I\/N with I from 0 .*ERR_INVALID_ARGUMENT/);
});

test.each([
  [[], '--shard needs --output'],
  [['-o', 'x.json', '--json'], 'not json'],
  [['-o', 'x.csv', '--columns', 'study'], 'not study'],
  [['-o', 'x.txt', '--format', 'table'], 'not table'],
  [['-o', '/dev/null'], 'ERR_OUTPUT'],
])('--shard with %j is refused', async (more, words) => {
  const { code, stdout, stderr } = await score(['examples/photos', '--shard', '0/2', ...more], { cwd: root });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(words);
  for (const name of ['x.json', 'x.csv', 'x.txt']) expect(existsSync(join(root, name))).toBe(false);
});

test('score writes no Parquet, and says what does', async () => {
  const { code, stderr } = await score(['examples/photos', '-o', 'x.parquet']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/hyperiqa merge scores\.jsonl -o x\.parquet.*ERR_INVALID_ARGUMENT/);
});

test('the Kubernetes job has as many pods as its command has shards, and counts from the index of the pod', () => {
  const job = parseYaml(text(root, 'examples/kubernetes-shards.yaml')) as {
    apiVersion: string;
    kind: string;
    spec: {
      completionMode: string;
      completions: number;
      parallelism: number;
      template: {
        spec: {
          restartPolicy: string;
          containers: { command: string[]; args: string[]; volumeMounts: { name: string }[] }[];
          volumes: { name: string }[];
        };
      };
    };
  };
  expect(job).toMatchObject({ apiVersion: 'batch/v1', kind: 'Job' });
  const { completionMode, completions, parallelism, template } = job.spec;
  expect(completionMode).toBe('Indexed');
  expect(parallelism).toBe(completions);
  expect(template.spec.restartPolicy).toBe('Never');
  const [{ command, args, volumeMounts }] = template.spec.containers as [(typeof template.spec.containers)[number]];
  expect(command).toEqual(['sh', '-c']);
  // The script with commands that only tell their arguments, and end as `hyperiqa` may end.
  const script = `hyperiqa() { echo "$@"; return "$CODE"; }\n${args.join('\n')}`;
  for (const [code, expected] of [
    [0, 0],
    [1, 0],
    [2, 2],
    [143, 143],
  ] as const) {
    const env = { ...process.env, JOB_COMPLETION_INDEX: '3', CODE: String(code) };
    const { status, stdout } = spawnSync('sh', ['-c', script], { env, encoding: 'utf8' });
    expect(status).toBe(expected);
    expect(stdout).toContain(`--shard 3/${completions} --output /results/3.jsonl`);
  }
  expect(volumeMounts.map(({ name }) => name)).toEqual(template.spec.volumes.map(({ name }) => name));
});
