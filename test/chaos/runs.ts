/** Helpers of the scenarios about `hyperiqa score`: photographs, runs, and invariants of their output. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import { about, csvRows, fixtures, quick, records, root, start, type Ended, type Running } from '../cli/cli.js';
import type { Context } from './scenario.js';

export type Format = 'jsonl' | 'csv';

/** A folder with photographs, one of them broken, and how to score them into one file. */
export class Project {
  readonly output: string;
  /** The records of a run that nothing disturbed. */
  expected: unknown[] = [];
  /** Size of the file that it wrote, bytes. */
  size = 0;
  /** Duration, ms. */
  duration = 0;
  readonly format: Format;
  readonly #images: string;
  /** The folder of the output, and nothing else. */
  readonly results: string;

  private constructor({ random, folder, scale }: Context) {
    this.format = random.pick(['jsonl', 'csv'] as const);
    this.#images = join(folder, 'images');
    this.results = join(folder, 'results');
    mkdirSync(this.#images);
    mkdirSync(this.results);
    this.output = join(this.results, `scores.${this.format}`);
    const kinds = ['exact-224x336.jpg', 'jpeg-420.jpg', 'jpeg-grey.jpg', 'png-rgb.png', 'webp-lossy.webp'];
    for (let i = 0; i < 11 + scale * 5; i++) {
      const kind = random.pick(kinds);
      copyFileSync(join(root, fixtures, kind), join(this.#images, `${i}, "ü"\n${kind}`));
    }
    writeFileSync(join(this.#images, 'broken.jpg'), 'no image');
  }

  /** Creates a project with the records of an undisturbed run. */
  static async make(context: Context): Promise<Project> {
    const project = new Project(context);
    const output = join(context.folder, 'undisturbed');
    const started = performance.now();
    const ended = await project.#start(output).ended;
    project.duration = performance.now() - started;
    expect(ended.code, ended.stderr).toBe(1);
    project.size = statSync(output).size;
    project.expected = about(project.#read(output)) as unknown[];
    return project;
  }

  /** `score -o … --resume`, started by `wrap` where that is given: a shell command with `"$@"` in it. */
  run(wrap?: string): Running {
    return this.#start(this.output, wrap);
  }

  #start(output: string, wrap?: string): Running {
    const args = ['score', this.#images, '--crops', '6', '--protocol', 'official', ...quick()];
    return start([...args, '--format', this.format, '-o', output, '--resume'], wrap === undefined ? {} : { wrap });
  }

  #read(output: string): unknown[] {
    const text = readFileSync(output, 'utf8');
    return this.format === 'csv' ? csvRows(text) : records(text);
  }

  /** Records that were written whole; only the last line may be torn, and only where `torn` says so. */
  written(torn: boolean): number {
    if (!existsSync(this.output)) return 0;
    const text = readFileSync(this.output, 'utf8');
    // Line breaks in names are inside quotes in CSV and escapes in JSON.
    const lines = this.format === 'csv' ? text.split(/\n(?=(?:[^"]*"[^"]*")*[^"]*$)/) : text.split('\n');
    const last = lines.pop();
    if (!torn) expect(last, 'after the last whole line').toBe('');
    if (this.format === 'jsonl') for (const line of lines) JSON.parse(line);
    return Math.max(0, lines.length - (this.format === 'csv' ? 1 : 0));
  }

  /** Runs to the end. Then every image is there once, in order, with its score, and nothing lies beside the file. */
  async finish(): Promise<void> {
    const { code, stderr } = await this.run().ended;
    expect(code, stderr).toBe(1);
    expect(this.#read(this.output)).toEqual(this.expected);
    expect(readdirSync(this.results)).toEqual([`scores.${this.format}`]);
  }
}

/** Exit of a run that was asked to stop. */
export function expectEnd({ code, signal, stderr }: Ended, by: NodeJS.Signals): void {
  // 1: it was done before, with one image broken. The signal itself: before its handlers were there, or the second one.
  const allowed = { SIGINT: [130, 1, 'SIGINT'], SIGTERM: [143, 1, 'SIGTERM'], SIGKILL: ['SIGKILL', 1] }[by as 'SIGINT'];
  expect(allowed, `${by}: ${stderr}`).toContain(signal ?? code);
}
