// webpack and Vite (Rolldown): the error for a bundle, and the line that it names.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { expectScore, hostProject } from '../project.mjs';

const APP = `import { HyperIQA } from 'hyperiqa';
  HyperIQA.load().then(async (iqa) => {
    console.log((await iqa.score('photo.jpg')).score);
    await iqa.dispose();
  });`;

let project;
beforeAll(() => {
  project = hostProject('webpack', {
    packages: ['webpack@5', 'webpack-cli@6', 'vite@8'],
    manifest: { type: 'module' },
  });
  project.write('app.js', APP);
});
afterAll(() => {
  rmSync(project.machine.folder, { recursive: true });
});

describe.each([
  {
    name: 'webpack',
    args: ['webpack'],
    file: 'out/app.cjs',
    config: (lines) => [
      'webpack.config.js',
      `export default { mode: 'production', target: 'node', entry: './app.js', output: { path: process.cwd() + '/out', filename: 'app.cjs' }, ${lines} };`,
    ],
    external: "externals: { hyperiqa: 'commonjs hyperiqa' }",
    bundled: "externals: { sharp: 'commonjs sharp' }",
  },
  {
    name: 'Vite',
    args: ['vite', 'build'],
    file: 'dist/app.js',
    config: (lines) => ['vite.config.js', `export default { build: { ssr: 'app.js' }, ${lines} };`],
    external: "ssr: { external: ['hyperiqa'] }",
    bundled: "ssr: { noExternal: ['hyperiqa'] }",
  },
])('$name', ({ args, file, config, external, bundled }) => {
  test('with the line', () => {
    project.write(...config(external));
    project.run('npx', args);
    expectScore(Number(project.run('node', [file]).output));
  });

  test('without it', () => {
    project.write(...config(bundled));
    project.run('npx', args);
    const { status, stderr } = project.try('node', [file]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/hyperiqa was bundled into /);
    expect(stderr).toContain(external);
  });
});
