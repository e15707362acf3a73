// Test runners, which load packages in ways of their own, and TypeScript's declarations for both kinds of modules.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { root } from '../../scripts/lib/paths.mjs';
import { hostProject } from './project.mjs';

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const TYPESCRIPT = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
const ENTRIES = ['hyperiqa', ...['faces', 'maps', 'models', 'export', 'runtime'].map((name) => `hyperiqa/${name}`)];
const PACKAGES = [
  '@hyperiqa/evaluation',
  '@hyperiqa/evaluation/metrics',
  '@hyperiqa/evaluation/report',
  '@hyperiqa/queue',
  '@hyperiqa/results',
  '@hyperiqa/service',
];

const SCORES = `
  test('scores', async () => {
    const iqa = await HyperIQA.load({ tuning: false });
    const { score } = await iqa.score('photo.jpg');
    expect(Math.abs(score - Number(process.env.EXPECTED))).toBeLessThan(1);
    await expect(iqa.score('nothing.jpg')).rejects.toThrow(HyperIQAError);
    await iqa.dispose();
  }, 60000);`;

const env = { EXPECTED: String(inject('proof').score), CI: '1' };

let project;
beforeAll(() => {
  project = hostProject('runners', {
    packages: [
      ...['evaluation', 'queue', 'results', 'service'].map((name) => `@hyperiqa/${name}`),
      'jest@30',
      'ts-jest@29',
      '@types/jest@30',
      'vitest@4',
      ...TYPESCRIPT,
    ],
  });
});
afterAll(() => {
  rmSync(project.machine.folder, { recursive: true });
});

describe('Jest', () => {
  test('CommonJS, without configuration', () => {
    project.write('jest/scores.test.js', `const { HyperIQA, HyperIQAError } = require('hyperiqa');${SCORES}`);
    expect(project.try('npx', ['jest', 'jest/'], { env }).stderr).toMatch(/Tests: +1 passed, 1 total/);
  });

  test('every entry is the same to require as outside of the sandbox', () => {
    project.write(
      'jest-entries/entries.test.js',
      `test.each(${JSON.stringify([...ENTRIES, ...PACKAGES])})('%s', (name) => {
        expect(Object.keys(require(name)).length).toBeGreaterThan(0);
      });`,
    );
    const { stderr } = project.try('npx', ['jest', 'jest-entries/'], { env });
    expect(stderr).toMatch(new RegExp(`Tests: +${ENTRIES.length + PACKAGES.length} passed, \\d+ total`));
  });

  test('ES modules', () => {
    project.write('jest-esm/scores.test.mjs', `import { HyperIQA, HyperIQAError } from 'hyperiqa';${SCORES}`);
    const { stderr } = project.try('npx', ['jest', '--testMatch', '**/jest-esm/*.test.mjs'], {
      env: { ...env, NODE_OPTIONS: '--experimental-vm-modules' },
    });
    expect(stderr).toMatch(/Tests: +1 passed, 1 total/);
  });

  test('ts-jest', () => {
    project.write('ts-jest/scores.test.ts', `import { HyperIQA, HyperIQAError } from 'hyperiqa';${SCORES}`);
    project.write(
      'ts-jest/jest.config.json',
      JSON.stringify({ preset: 'ts-jest', rootDir: '..', testMatch: ['**/ts-jest/*.ts'] }),
    );
    project.write(
      'tsconfig.json',
      JSON.stringify({ compilerOptions: { module: 'node16', strict: true, types: ['node', 'jest'] } }),
    );
    const { stderr } = project.try('npx', ['jest', '--config', 'ts-jest/jest.config.json'], { env });
    expect(stderr).toMatch(/Tests: +1 passed, 1 total/);
  });
});

test('vitest', () => {
  project.write(
    'vitest/scores.test.ts',
    `import { expect, test } from 'vitest';\nimport { HyperIQA, HyperIQAError } from 'hyperiqa';${SCORES}`,
  );
  const { stdout } = project.try('npx', ['vitest', 'run', '--dir', 'vitest'], { env: { ...env, NO_COLOR: '1' } });
  expect(stdout).toMatch(/Tests +1 passed/);
});

describe.each(['node16', 'nodenext'])('declarations with module: %s and skipLibCheck: false', (module) => {
  const imports = [...ENTRIES, ...PACKAGES];
  test.each([
    ['esm.mts', imports.map((name, i) => `import * as m${i} from '${name}';`)],
    ['common.cts', imports.map((name, i) => `import m${i} = require('${name}');`)],
  ])('%s', (file, lines) => {
    project.write(`types/${file}`, [...lines, `console.log(${imports.map((_, i) => `m${i}`).join(', ')});`].join('\n'));
    const compilerOptions = {
      module,
      target: 'es2023',
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      types: ['node'],
    };
    project.write('types/tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
    expect(project.try('npx', ['tsc', '-p', 'types']).stdout).toBe('');
  });
});
