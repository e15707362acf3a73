/** Runs that are ended from outside: signals, and readers that go away. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hyperiqa, main, photos, quick, records, root, scratch, start, text } from './cli.js';

/** Enough work for several seconds: the same photograph many times, many crops each. */
const many = Array.from({ length: 400 }, () => `${photos}/lake.jpg`);
const slow = ['--protocol', 'official', '--crops', '10', '--concurrency', '2'];

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('leaves whole records in the output and says how to go on', async () => {
    const output = join(scratch(), 'scores.jsonl');
    const args = ['score', ...many, ...slow, ...quick(), '--output', output];
    const { child, ended } = start(args);
    await expect.poll(() => sizeOf(output), { timeout: 110_000 }).toBeGreaterThan(2000);
    child.kill(signal);
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: signal === 'SIGINT' ? 130 : 143, stdout: '' });
    expect(stderr).toMatch(/^hyperiqa: interrupted after \d+ records?; run the same command with --resume to go on\n$/);
    const before = text(output);
    const done = records(before).length;
    expect(before.endsWith('\n')).toBe(true);
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(many.length);
    // Continued over a few more than there were, to keep the test short.
    const rest = await hyperiqa([
      'score',
      ...many.slice(0, done + 2),
      ...slow,
      ...quick(),
      '--output',
      output,
      '--resume',
    ]);
    expect(rest.code).toBe(0);
    expect(text(output).startsWith(before)).toBe(true);
    expect(records(text(output))).toHaveLength(done + 2);
  });
});

test('SIGINT leaves a valid JSON array on stdout', async () => {
  const { child, ended, said } = start(['score', ...many, ...slow, ...quick(), '--format', 'json']);
  await said('stdout', '},\n');
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  expect(code).toBe(130);
  expect(JSON.parse(stdout).length).toBeGreaterThan(0);
  expect(stderr).toContain('can be continued with --resume');
});

test('SIGINT while the list on stdin is still open ends the run', async () => {
  const { child, ended, said } = start(['score', '-', ...quick(), '--crops', 'center'], {
    input: `${photos}/lake.jpg\n`,
    open: true,
  });
  await said('stdout', '\n');
  child.kill('SIGINT');
  const { code, stdout } = await ended;
  expect(code).toBe(130);
  expect(records(stdout)).toHaveLength(1);
});

test('SIGINT while the model loads ends the run', async () => {
  const { child, ended } = start(['score', `${photos}/lake.jpg`, ...quick()]);
  // The handlers are there once the process has read its arguments; before, the signal ends it anyway.
  setTimeout(() => child.kill('SIGINT'), 700);
  const { code, signal, stdout } = await ended;
  expect([130, 'SIGINT', 0]).toContain(code ?? signal);
  if (code !== 0) expect(stdout).toBe('');
});

test('a second SIGINT is obeyed at once', async () => {
  const { child, ended, said } = start(['score', '-', ...slow, ...quick()], { input: many.join('\n') });
  await said('stdout', '\n');
  child.kill('SIGINT');
  child.kill('SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGINT');
  const { code, signal } = await ended;
  // The first may have been enough when the second comes.
  expect(signal ?? code).toSatisfy((how) => how === 'SIGINT' || how === 130);
});

test('a reader that goes away ends the run quietly', async () => {
  const args = ['score', ...many, ...slow, ...quick()];
  const child = spawn(process.execPath, [main, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test.each(['score --help', 'info'])('a reader that goes away from %s is no error', (command) => {
  const options = command === 'info' ? quick().join(' ') : '';
  const result = spawnSync(
    'bash',
    ['-c', `set -o pipefail; "${process.execPath}" "${main}" ${command} ${options} | true`],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  expect({ status: result.status, stderr: result.stderr }).toEqual({ status: 0, stderr: '' });
});

function sizeOf(path: string): number {
  try {
    return readFileSync(path).length;
  } catch {
    return 0;
  }
}
