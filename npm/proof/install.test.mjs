// hyperiqa from a registry, in an empty folder, on a machine that has Node.js and nothing else.
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { root } from '../../scripts/lib/paths.mjs';
import { megabytes } from '../pack.mjs';
import { Machine, offlineMeans } from './machine.mjs';
import { PHOTO } from './setup.mjs';
import { provideTools } from './tools.mjs';

const { folder, measured, packages, registry, score: expected } = inject('proof');
const tools = provideTools();
const [main, addon, libtorch, ...addOns] = packages;

/** The versions of what consumers add themselves. */
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const TYPESCRIPT = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);

/** Scores of one model on one processor are the same to this everywhere. */
const TOLERANCE = 0.001;

const report = (what, value) => appendFileSync(measured, `${what}\t${value}\n`);
const seconds = (value) => `${value.toFixed(1)} s`;

function machine(name, node) {
  const programs = { pnpm: tools.pnpm };
  return new Machine({ folder: join(folder, name), node: tools.nodes[node], programs, registry });
}

const BODY = `
  const iqa = await HyperIQA.load();
  const { score } = await iqa.score('photo.jpg');
  const { libtorch } = iqa.info;
  await iqa.dispose();
  console.log(JSON.stringify({ score, source: libtorch.source }));`;
const ESM = `import { HyperIQA } from 'hyperiqa';${BODY}`;
const COMMONJS = `const { HyperIQA } = require('hyperiqa'); (async () => {${BODY}})();`;
const TYPED = `
  import { HyperIQA, type ScoreResult } from 'hyperiqa';
  import { srcc } from '@hyperiqa/evaluation/metrics';
  const same: number | null = srcc([1, 2, 3], [1, 2, 3]).value;
  if (same !== 1) throw new Error(String(same));
  const iqa: HyperIQA = await HyperIQA.load();
  const result: ScoreResult = await iqa.score('photo.jpg');
  console.log(JSON.stringify({ score: result.score, source: iqa.info.libtorch.source }));
  await iqa.dispose();`;
const TSCONFIG = {
  compilerOptions: { target: 'ES2023', module: 'nodenext', strict: true, types: ['node'], skipLibCheck: false },
  files: ['typed.mts'],
};

function expectScore(output) {
  const { score, source } = JSON.parse(output);
  expect(Math.abs(score - expected)).toBeLessThan(TOLERANCE);
  expect(source).toBe('package');
}

function expectCommandLineScore(output) {
  expect(Math.abs(JSON.parse(output).score - expected)).toBeLessThan(TOLERANCE);
}

describe.each(['20', '22', '24'])('npm, Node.js %s', (node) => {
  let computer;
  let project;
  beforeAll(() => {
    computer = machine(`node${node}`, node);
    project = computer.project('project', PHOTO);
  });
  afterAll(() => {
    rmSync(computer.folder, { recursive: true });
  });

  test('the machine has no compiler, Python or CMake', () => {
    expect(computer.toolchain()).toEqual([]);
    expect(project.run('node', ['--version']).output).toMatch(new RegExp(`^v${node}\\.`));
  });

  test('npm install', () => {
    const { seconds: cold } = project.run('npm', ['install', main.name, ...addOns.map(({ name }) => name)]);
    const modules = join(project.folder, 'node_modules');
    report(
      `npm install with an empty cache, Node.js ${node}`,
      `${seconds(cold)}, ${megabytes(bytesOf(modules))} on disk`,
    );
    const { packages: locked } = JSON.parse(readFileSync(join(project.folder, 'package-lock.json'), 'utf8'));
    for (const { name, version } of packages) expect(locked[`node_modules/${name}`]).toMatchObject({ version });
    // No installed package needs a script: that of BullMQ's msgpackr looks for a faster decoder, which is optional.
    const scripted = Object.keys(locked).filter((name) => locked[name].hasInstallScript);
    expect(scripted).toEqual(['node_modules/msgpackr-extract']);
    expect(locked[scripted[0]].optional).toBe(true);
  });

  test('npx hyperiqa score, for the first time', () => {
    const args = ['hyperiqa', 'score', 'photo.jpg', '--format', 'jsonl'];
    const first = project.run('npx', args);
    expectCommandLineScore(first.output);
    const second = project.run('npx', args);
    expectCommandLineScore(second.output);
    report(`npx hyperiqa score, Node.js ${node}`, `first ${seconds(first.seconds)}, then ${seconds(second.seconds)}`);
  });

  test('npx hyperiqa merge', () => {
    project.run('npx', ['hyperiqa', 'score', 'photo.jpg', '--shard', '0/1', '-o', 'shard.jsonl']);
    project.run('npx', ['hyperiqa', 'merge', 'shard.jsonl', '-o', 'scores.parquet']);
    project.run('npx', ['hyperiqa', 'merge', 'scores.parquet', '-o', 'scores.csv']);
    expect(readFileSync(join(project.folder, 'scores.csv'), 'utf8')).toMatch(/^file,score,.*\nphoto\.jpg,[\d.]+,/);
  });

  test('an ES module', () => {
    project.write('esm.mjs', ESM);
    expectScore(project.run('node', ['esm.mjs']).output);
  });

  test('CommonJS', () => {
    project.write('common.cjs', COMMONJS);
    expectScore(project.run('node', ['common.cjs']).output);
  });

  test('TypeScript', () => {
    project.run('npm', ['install', '--save-dev', ...TYPESCRIPT]);
    project.write('typed.mts', TYPED);
    project.write('tsconfig.json', JSON.stringify(TSCONFIG));
    project.run('npx', ['tsc']);
    expectScore(project.run('node', ['typed.mjs']).output);
  });

  test(`offline: ${offlineMeans}`, () => {
    expectScore(project.run('node', ['esm.mjs'], { offline: true }).output);
    const command = ['hyperiqa', 'score', 'photo.jpg', '--format', 'jsonl'];
    expectCommandLineScore(project.run('npx', command, { offline: true }).output);
  });
});

describe('on Node.js 24', () => {
  let computer;
  beforeAll(() => {
    computer = machine('others', '24');
  });
  afterAll(() => {
    rmSync(computer.folder, { recursive: true });
  });

  test('npm install --ignore-scripts', () => {
    const project = computer.project('ignore-scripts', PHOTO);
    project.run('npm', ['install', '--ignore-scripts', main.name]);
    project.write('esm.mjs', ESM);
    expectScore(project.run('node', ['esm.mjs']).output);
    rmSync(project.folder, { recursive: true });
  });

  test('pnpm', () => {
    const project = computer.project('pnpm', PHOTO);
    const { seconds: cold } = project.run('pnpm', ['add', main.name]);
    report('pnpm add with an empty store', seconds(cold));
    project.write('esm.mjs', ESM);
    expectScore(project.run('node', ['esm.mjs']).output);
    expectCommandLineScore(project.run('pnpm', ['exec', 'hyperiqa', 'score', 'photo.jpg', '--format', 'jsonl']).output);
  });

  describe('in a project', () => {
    let project;
    beforeAll(() => {
      project = computer.project('npm', PHOTO);
      project.run('npm', ['install', main.name]);
    });

    test.each([
      { ...libtorch, code: 'ERR_LIBTORCH_NOT_FOUND' },
      { ...addon, code: 'ERR_ADDON_NOT_FOUND' },
    ])('without $name: what is missing and why, and the remedy helps', ({ name, version, code }) => {
      rmSync(join(project.folder, 'node_modules', name), { recursive: true });
      const { status, stderr } = project.try('npx', ['hyperiqa', 'score', 'photo.jpg']);
      expect(status).toBe(2);
      expect(stderr).toContain(code);
      expect(stderr).toContain(`npm package ${name}: not installed`);
      expect(stderr).toContain(`${name}@${version}`);
      expect(stderr).toMatch(/Looked at:\n/);
      const remedy = /Delete node_modules and run "npm (install .*?)"/.exec(stderr)?.[1].split(' ');
      rmSync(join(project.folder, 'node_modules'), { recursive: true });
      project.run('npm', remedy);
      project.write('esm.mjs', ESM);
      expectScore(project.run('node', ['esm.mjs']).output);
    });
  });

  test('an install without optional dependencies says so', () => {
    const project = computer.project('omit', PHOTO);
    project.run('npm', ['install', '--omit=optional', main.name]);
    const { status, stderr } = project.try('npx', ['hyperiqa', 'score', 'photo.jpg']);
    expect(status).not.toBe(0);
    expect(stderr).toContain('--include=optional');
  });
});

/** All files below a folder; symbolic links are not followed. */
function bytesOf(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
