/** Exit codes and the messages that go with them: programs read the one, people the other. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testModel } from '../helpers/models.js';
import { fixtures, hyperiqa, photos, quick, records, root, score, scratch, scratchPhotos, text } from './cli.js';
import { withMetadata } from './model-file.js';

const lake = `${photos}/lake.jpg`;
const center = ['--crops', 'center'];

test('0: all images scored, and nothing on stderr', async () => {
  const { code, stdout, stderr } = await score([lake, ...center]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(records(stdout)).toHaveLength(1);
});

test('1: bad files fail each on their own, the others are scored', async () => {
  const folder = scratch();
  writeFileSync(join(folder, 'empty.jpg'), '');
  writeFileSync(join(folder, 'text.jpg'), 'no image at all');
  mkdirSync(join(folder, 'folder.jpg'));
  const files = [lake, `${folder}/empty.jpg`, `${folder}/text.jpg`, `${folder}/none.jpg`, lake];
  const { code, stdout, stderr } = await score([...files, ...center]);
  expect(code).toBe(1);
  const all = records(stdout);
  expect(all.map(({ file }) => file)).toEqual(files);
  expect(all.map(({ error }) => error?.code)).toEqual([
    undefined,
    'ERR_IMAGE_EMPTY',
    'ERR_IMAGE_FORMAT',
    'ERR_IMAGE_NOT_FOUND',
    undefined,
  ]);
  expect(all[4]!.score).toBeCloseTo(all[0]!.score, 3);
  expect(stderr).toBe('hyperiqa: 5 images: 3 failed\n');
});

test('1: an image above --max-pixels is refused, a smaller one is scored', async () => {
  const { code, stdout } = await score([lake, `${fixtures}/exact-224.png`, '--max-pixels', '100000', ...center]);
  expect(code).toBe(1);
  expect(records(stdout).map(({ error }) => error?.code)).toEqual(['ERR_IMAGE_TOO_LARGE', undefined]);
});

test('1: so is a file above --max-bytes, and a line that would be enlarged beyond all bounds', async () => {
  const { code, stdout } = await score([lake, `${fixtures}/exact-224.png`, '--max-bytes', '80000', ...center]);
  expect(code).toBe(1);
  expect(records(stdout).map(({ error }) => error?.code)).toEqual(['ERR_IMAGE_TOO_LARGE', undefined]);
  const line = await score([`${fixtures}/../limits/narrow-1x1820.png`, '--protocol', 'native']);
  expect(records(line.stdout)[0]!.error).toEqual({
    code: 'ERR_IMAGE_TOO_LARGE',
    message: expect.stringMatching(/384×698880/) as string,
  });
  const wrong = await score([lake, '--max-bytes', String(2 ** 31), ...center]);
  expect(wrong.code).toBe(2);
});

test('3: an image below the gate; 1 goes before it', async () => {
  const value = records((await score([lake, ...center])).stdout)[0]!.score;
  const above = await score([lake, '--fail-below', String(value - 0.1), ...center]);
  expect(above.code).toBe(0);
  const gate = value + 0.1;
  const below = await score([lake, '--fail-below', String(gate), ...center]);
  expect(below.code).toBe(3);
  expect(below.stderr).toBe(`hyperiqa: 1 image: 1 below ${gate}\n`);
  expect(records(below.stdout)[0]!.score).toBeCloseTo(value, 3);
  const failed = await score([lake, 'none.jpg', '--fail-below', '1e9', ...center]);
  expect(failed.code).toBe(1);
});

test('3: for a model whose lower scores are better, worse is above the gate', async () => {
  const model = join(scratch(), 'lower.pt');
  withMetadata(testModel('lite0'), model, ({ score, training }) => {
    score.higherIsBetter = false;
    training.description = '';
  });
  const run = (gate: string) =>
    hyperiqa(['score', lake, ...center, '--fail-below', gate, '--model', model, '--device', 'cpu']);
  expect((await run('1000')).code).toBe(0);
  const above = await run('-1000');
  expect(above).toMatchObject({ code: 3, stderr: 'hyperiqa: 1 image: 1 above -1000\n' });
});

test('--fail-below takes negative numbers', async () => {
  expect((await score([lake, '--fail-below', '-1000000', ...center])).code).toBe(0);
});

test('--quiet leaves stderr empty whatever becomes of the images', async () => {
  for (const format of [
    ['--format', 'jsonl'],
    ['--columns', 'study'],
  ]) {
    const { code, stderr } = await score([lake, 'none.jpg', '--fail-below', '1e9', '--quiet', ...format, ...center]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  }
});

test.each([
  [['score'], 'Name the images'],
  [['score', ''], 'A file name is empty'],
  [['score', '-', '-'], 'can be given once only'],
  [['score', 'a', '--bogus'], 'Unknown argument: bogus.'],
  [['score', 'a', '--max-standard-eror', '1'], 'Did you mean --max-standard-error?'],
  [['score', 'a', '--seed'], 'Not enough arguments following: seed'],
  [['score', 'a', '--seed', '1', '--seed', '2'], '--seed is given more than once'],
  [['score', 'a', '--seed', '-1'], '--seed must be'],
  [['score', 'a', '--seed', '1.5'], '--seed must be'],
  [['score', 'a', '--seed', '18446744073709551616'], '--seed must be'],
  [['score', 'a', '--crops', '0'], '--crops must be'],
  [['score', 'a', '--crops', 'NaN'], '--crops must be'],
  [['score', 'a', '--crops', 'grid:0x2'], '--crops must be'],
  [['score', 'a', '--crops', 'grid:2'], '--crops must be'],
  [['score', 'a', '--max-standard-error', 'NaN'], '--max-standard-error must be'],
  [['score', 'a', '--max-standard-error', '0'], '--max-standard-error must be'],
  [['score', 'a', '--max-crops', '5'], '--max-crops needs --max-standard-error'],
  [['score', 'a', '--fail-below', 'NaN'], '--fail-below must be'],
  [['score', 'a', '--fail-below', 'Infinity'], '--fail-below must be'],
  [['score', 'a', '--concurrency', '0'], '--concurrency must be'],
  [['score', 'a', '--batch-size', '1e3'], '--batch-size must be'],
  [['score', 'a', '--threads', '-2'], '--threads must be'],
  [['score', 'a', '--max-pixels', 'many'], '--max-pixels must be'],
  [['score', 'a', '--device', 'gpu'], '--device must be'],
  [['score', 'a', '--dtype', 'int8'], '--dtype must be one of "fp32", "bf16", "fp16", not "int8".'],
  [['score', 'a', '--protocol', 'other'], 'must be one of "official"'],
  [['score', 'a', '--format', 'xml'], 'must be one of "table"'],
  [['score', 'a', '--columns', 'study', '--format', 'json'], '--columns study is a CSV table'],
  [['score', 'a', '--columns', 'study', '--provenance'], 'no room for --provenance'],
  [['score', 'a', '--resume'], '--resume needs --output'],
  [['score', 'a', '--resume', '--output', 'x', '--format', 'json'], '--resume continues jsonl and csv'],
  [['score', 'a', '--resume', '--output', 'x', '--columns', 'study'], '--resume continues jsonl and csv'],
  [['score', 'a', '--output', 'photo.JPG'], 'has the name of an image'],
  [['score', 'docs'], 'There is no image in docs'],
  [['info', 'x'], 'Unknown argument: x'],
  [['info', '--seed', '1'], 'Unknown argument: seed.'],
  [['self-check', '--format', 'csv'], 'must be one of "table", "json"'],
  [['runtime', 'install', 'gpu'], 'The kind must be one of "cpu", "cuda", not "gpu".'],
  [['eval', 'a'], 'hyperiqa eval --help lists what there is'],
  [['scroe', 'a'], 'did you mean score?'],
  [[], 'Name a command'],
  [[], 'hyperiqa --help lists the commands'],
])('2: hyperiqa %j says %j', async (args, message) => {
  const { code, stdout, stderr } = await hyperiqa(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^hyperiqa: .* \(ERR_INVALID_ARGUMENT\)\nhyperiqa: [^\n]*\n$/);
});

test('2: options that the model’s protocol does not allow', async () => {
  const { code, stdout, stderr } = await score([lake, '--max-standard-error', '1', '--crops', 'grid:2x2']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/needs random crops.*\(ERR_INVALID_ARGUMENT\)/);
});

test('2: models that are none, LibTorch that is none, a device that is not there', async () => {
  const folder = scratch();
  writeFileSync(join(folder, 'text.pt'), 'no model');
  const cases: [string[], string][] = [
    [['--model', 'none.pt'], 'ERR_MODEL_NOT_FOUND'],
    [['--model', join(folder, 'text.pt')], 'ERR_MODEL_FORMAT'],
    [[...quick(), '--libtorch', folder], 'ERR_LIBTORCH_NOT_FOUND'],
    [['--model', testModel('lite0'), '--device', 'cuda'], 'ERR_DEVICE_UNAVAILABLE'],
  ];
  for (const [options, expected] of cases) {
    const { code, stdout, stderr } = await hyperiqa(['score', lake, ...options], { env: { CUDA_VISIBLE_DEVICES: '' } });
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^hyperiqa: .*\\(${expected}\\)\\n$`, 's'));
    expect(stderr).not.toContain('    at ');
  }
});

test('HYPERIQA_DEBUG shows where an error came from', async () => {
  const { stderr } = await hyperiqa(['score', lake, '--model', 'none.pt'], { env: { HYPERIQA_DEBUG: '1' } });
  expect(stderr).toContain('    at ');
  const damaged = join(scratch(), 'damaged.jpg');
  writeFileSync(damaged, readFileSync(join(root, lake)).subarray(0, 5000));
  const record = await hyperiqa(['score', damaged, ...quick()], { env: { HYPERIQA_DEBUG: '1' } });
  expect(record.stderr).toMatch(/^HyperIQAError: .* is damaged or cut off.*\n {4}at damaged \(/);
});

test('2: output that cannot be written, found out before anything is scored', async () => {
  const folder = scratch();
  for (const output of [join(folder, 'none/scores.jsonl'), folder]) {
    const { code, stdout, stderr } = await score([lake, '--output', output]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^hyperiqa: The output file .* cannot be written: .*\(ERR_OUTPUT\)\n$/);
  }
});

test('a run that cannot start leaves the output file as it was, and makes none', async () => {
  const folder = scratchPhotos('a.jpg');
  writeFileSync(join(folder, 'old.jsonl'), 'earlier results\n');
  for (const name of ['old.jsonl', 'new.jsonl']) {
    const output = join(folder, name);
    const { code } = await hyperiqa(['score', join(folder, 'a.jpg'), '--model', 'none.pt', '--output', output]);
    expect(code).toBe(2);
  }
  expect(text(folder, 'old.jsonl')).toBe('earlier results\n');
  expect(existsSync(join(folder, 'new.jsonl'))).toBe(false);
});

test('--output replaces what an earlier run wrote', async () => {
  const output = join(scratch(), 'scores.jsonl');
  writeFileSync(output, 'x'.repeat(100_000));
  expect((await score([lake, '--output', output, ...center])).code).toBe(0);
  expect(records(text(output))).toHaveLength(1);
});

test.skipIf(!existsSync('/dev/full'))('2: a full disk is an error of the output', async () => {
  const { code, stderr } = await score([lake, '--output', '/dev/full', ...center]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/ENOSPC.*\(ERR_OUTPUT\)\n$/);
});

test('help and version go to stdout with 0', async () => {
  const help = await hyperiqa(['score', '--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const option of ['--max-standard-error', '--resume', '--fail-below', 'Exit codes:', 'hyperiqa score photos']) {
    expect(help.stdout).toContain(option);
  }
  const version = await hyperiqa(['--version']);
  expect(version).toMatchObject({ code: 0, stderr: '' });
  expect(version.stdout.trim()).toBe(JSON.parse(text(root, 'package.json')).version);
});
