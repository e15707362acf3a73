// Bundlers and tracers of files: an error that says what to do, and every file that hyperiqa needs.
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { expectScore, hostProject } from './project.mjs';
import { provideTools } from './tools.mjs';

const ESBUILD = 'esbuild@0.28.2';
// No top-level await, which CommonJS does not have.
const APP = `import { HyperIQA } from 'hyperiqa';
  (async () => {
    const iqa = await HyperIQA.load();
    console.log((await iqa.score('photo.jpg')).score);
    await iqa.dispose();
  })();`;

let project;
beforeAll(() => {
  project = hostProject('bundlers', { packages: [ESBUILD] });
  project.write('app.mjs', APP);
});
afterAll(() => {
  rmSync(project.machine.folder, { recursive: true });
});

describe.each([
  ['esm', 'bundle.mjs'],
  ['cjs', 'bundle.cjs'],
])('esbuild, %s', (format, file) => {
  const bundle = (...options) =>
    project.run('npx', [
      'esbuild',
      'app.mjs',
      '--bundle',
      '--platform=node',
      `--format=${format}`,
      `--outfile=${file}`,
      ...options,
    ]);

  test('with hyperiqa external', () => {
    bundle('--external:hyperiqa');
    expectScore(Number(project.run('node', [file]).output));
  });

  test.each(['', '--minify'])('with hyperiqa in the bundle: the error says so, and what to add %s', (option) => {
    bundle('--external:sharp', ...(option ? [option] : []));
    const { status, stderr } = project.try('node', [file]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/hyperiqa was bundled into .*bundle\.[cm]js.*serverExternalPackages: \['hyperiqa'\]/);
    expect(stderr).toContain('ERR_BUNDLED');
  });
});

test('a tracer of files (@vercel/nft) finds all that is needed, which runs elsewhere', async () => {
  const { nodeFileTrace } = provideTools().require('@vercel/nft');
  // As Next.js and Vercel trace.
  const { fileList } = await nodeFileTrace([join(project.folder, 'app.mjs')], {
    base: project.folder,
    mixedModules: true,
  });
  const elsewhere = join(project.machine.folder, 'elsewhere');
  for (const file of [...fileList, 'photo.jpg']) {
    mkdirSync(dirname(join(elsewhere, file)), { recursive: true });
    cpSync(join(project.folder, file), join(elsewhere, file));
  }
  expectScore(Number(project.run('node', ['app.mjs'], { cwd: '../elsewhere' }).output));
});
