/** The progress line: on a terminal only, and gone at the end. */
import { spawnSync } from 'node:child_process';
import type { WriteStream } from 'node:tty';
import { describe, expect, test, vi } from 'vitest';
import { Progress } from '../../src/cli/terminal/progress.js';
import { main, photos, quick, records, root } from './cli.js';

describe('drawn', () => {
  function drawn(columns: number, act: (progress: Progress) => void): string[] {
    vi.useFakeTimers({ now: 0 });
    try {
      const lines: string[] = [];
      const stream = { columns, isTTY: true, write: (text: string) => lines.push(text) } as unknown as WriteStream;
      const progress = new Progress(stream);
      progress.start();
      vi.advanceTimersByTime(10_000);
      act(progress);
      vi.advanceTimersByTime(200);
      progress.stop();
      vi.advanceTimersByTime(1000);
      // Without the sequences that move the cursor and clear the line.
      // eslint-disable-next-line no-control-regex
      return lines.map((line) => line.replace(/\u001b\[[\d;]*[A-Z]/g, '')).filter((line) => line.trim() !== '');
    } finally {
      vi.useRealTimers();
    }
  }

  test('with a total: bar, count, time to go, rate', () => {
    const last = drawn(80, (progress) => {
      progress.total = 40;
      for (let i = 0; i < 20; i++) progress.advance();
    }).at(-1);
    expect(last).toMatch(/^\[={12} {12}\] {2}20\/40 {2}0:10 {2}2\.0\/s$/);
  });

  test('without a total: count and rate', () => {
    expect(
      drawn(80, (progress) => {
        progress.advance();
      }).at(-1),
    ).toBe('1 images  0.1/s');
  });

  test('never wider than the terminal, and nothing after the end', () => {
    const lines = drawn(20, (progress) => {
      progress.total = 1000;
    });
    expect(lines.every((line) => line.length < 20)).toBe(true);
  });
});

const hasScript = spawnSync('script', ['--version']).status === 0;

describe.skipIf(!hasScript)('in a terminal', () => {
  /** Output of a command on a terminal. */
  const terminal = (command: string) =>
    spawnSync('script', ['-qefc', command, '/dev/null'], { cwd: root, encoding: 'utf8' });
  const score = (more: string) =>
    `"${process.execPath}" "${main}" score ${photos} --protocol official --crops 10 ${quick().join(' ')} ${more}`;

  test('stdout in a pipe: records there, the line on the terminal', () => {
    const { status, stdout } = terminal(`${score('')} > /dev/null`);
    expect(status).toBe(0);
    expect(stdout).toMatch(/\d+\/10/);
    expect(stdout).not.toContain('{"file"');
  });

  test('--quiet: no line', () => {
    const { status, stdout } = terminal(`${score('--quiet')} > /dev/null`);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  test('stdout on the terminal: a table', () => {
    const { status, stdout } = terminal(score('--quiet'));
    expect(status).toBe(0);
    expect(stdout).toMatch(/SCORE +STD\.ERR/);
    expect(stdout.trim().split('\n')).toHaveLength(12);
  });

  test('stderr in a pipe: no line', () => {
    const { stdout } = terminal(`${score('--format jsonl')} 2> /dev/null`);
    expect(records(stdout.replaceAll('\r', ''))).toHaveLength(10);
  });
});
