/** The built package as others use it: by `import`, by `require`, and by TypeScript. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { testModel } from '../helpers/models.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const photograph = join(root, 'test/fixtures/images/exact-224.png');
let project: string;

/** A project beside this one that depends on it. */
beforeAll(async () => {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('dist/ is not built: run "npm run build".');
  project = await mkdtemp(join(tmpdir(), 'hyperiqa-project-'));
  await mkdir(join(project, 'node_modules/@types'), { recursive: true });
  await symlink(root, join(project, 'node_modules/hyperiqa'), 'dir');
  await symlink(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'), 'dir');
});
afterAll(() => rm(project, { recursive: true }));

async function run(file: string, source: string): Promise<string> {
  await writeFile(join(project, file), source);
  return execFileSync(process.execPath, [join(project, file)], { cwd: project, encoding: 'utf8' });
}

const scoring = `
  const iqa = await HyperIQA.load(${JSON.stringify(testModel('lite0'))}, { graphMode: 'freeze' });
  const { crops } = await iqa.score(${JSON.stringify(photograph)}, { crops: 2 });
  console.log(crops.length);
  await iqa.dispose();
`;

describe('at run time', () => {
  test('import', async () => {
    expect(await run('a.mjs', `import { HyperIQA } from 'hyperiqa'; ${scoring}`)).toBe('2\n');
  });

  test('require gives the same module, with named exports', async () => {
    const source = `
      const { HyperIQA, HyperIQAError } = require('hyperiqa');
      (async () => {
        const same = await import('hyperiqa');
        if (same.HyperIQA !== HyperIQA || same.HyperIQAError !== HyperIQAError) throw new Error('two copies');
        ${scoring}
      })();`;
    expect(await run('b.cjs', source)).toBe('2\n');
  });

  test.each([
    [
      'hyperiqa',
      'HyperIQA HyperIQAError decodeImage defaultModelPath imageExtensions protocolNames resolveProtocol runtimeInfo',
    ],
    ['hyperiqa/faces', 'FaceDetector defaultFaceModelPath scoreAllWithFaces scoreWithFaces'],
    ['hyperiqa/maps', 'mapColors mapPicture qualityMap'],
    ['hyperiqa/models', 'addModel listModels removeModel verifyModel'],
    ['hyperiqa/export', 'exportDatasets exportModel'],
    ['hyperiqa/runtime', 'doctor installRuntime listRuntimes probeRuntime removeRuntime useRuntime verifyRuntime'],
  ])('%s exports what is documented, to import and require alike', async (entry, names) => {
    const source = `
      const required = require('${entry}');
      import('${entry}').then((imported) => {
        const names = Object.keys(imported).filter((name) => name !== 'default' && name !== 'module.exports');
        if (names.some((name) => imported[name] !== required[name])) throw new Error('two copies');
        console.log(names.sort().join(' '));
      });`;
    expect((await run('c.cjs', source)).trim()).toBe(names);
  });

  test('import loads what scoring needs, and no dependency', async () => {
    const source = `
      const { register } = require('node:module');
      register('data:text/javascript,' + encodeURIComponent(\`
        export async function resolve(specifier, context, next) {
          const found = await next(specifier, context);
          if (found.url.startsWith('file:')) console.log(found.url);
          return found;
        }\`));
      import('hyperiqa').then(() => console.log(Object.keys(require.cache).join('\\n')));`;
    const loaded = (await run('lean.cjs', source)).split('\n');
    const rooms = new RegExp('/dist/(cli|doctor|export|faces|maps|models|runtime|libtorch/install)/');
    expect(loaded.filter((file) => rooms.test(file) || file.includes('/hyperiqa/node_modules/'))).toEqual([]);
    expect(loaded.filter((file) => /node_modules\/(?!hyperiqa)/.test(file))).toEqual([]);
    expect(loaded.some((file) => file.endsWith('/dist/scoring/scorer.js'))).toBe(true);
  });

  test('an unfinished score does not end the process with an unhandled rejection when it is disposed of', async () => {
    const source = `
      import { HyperIQA } from 'hyperiqa';
      const iqa = await HyperIQA.load(${JSON.stringify(testModel('lite0'))}, { graphMode: 'freeze' });
      const pending = iqa.score(${JSON.stringify(photograph)}, { crops: 500 }).catch((error) => error.code);
      await iqa.dispose();
      console.log(await pending);`;
    expect(await run('d.mjs', source)).toBe('ERR_DISPOSED\n');
  });
});

describe('types', () => {
  const program = (importing: string) => `
    ${importing}
    async function main(): Promise<number> {
      const iqa = await HyperIQA.load(undefined, { device: 'cpu' });
      try {
        for await (const { input, result, error } of iqa.scoreAll(['a.jpg', new URL('file:///b.jpg')])) {
          const file: string | URL = input;
          if (error) throw new Error(error.code satisfies ErrorCode, { cause: file });
          const score: number = result.score;
          console.log(score);
        }
        const response = await fetch('https://example.org/c.jpg');
        if (response.body) await iqa.score(response.body, { crops: { plan: 'grid', rows: 2, columns: 2 } });
        const result: ScoreResult = await iqa.score(Buffer.alloc(3), { seed: 1n, signal: AbortSignal.timeout(9) });
        return result.score;
      } catch (error) {
        return error instanceof HyperIQAError ? 1 : 2;
      }
    }
    void main();
  `;
  test.each([
    ['esm.mts', "import { HyperIQA, HyperIQAError, type ErrorCode, type ScoreResult } from 'hyperiqa';"],
    [
      'cjs.cts',
      "import hyperiqa = require('hyperiqa'); import type { ErrorCode, ScoreResult } from 'hyperiqa';" +
        ' const { HyperIQA, HyperIQAError } = hyperiqa;',
    ],
  ])('%s', async (file, importing) => {
    await writeFile(join(project, file), program(importing));
    for (const module of ['nodenext', 'node16']) {
      const config = {
        compilerOptions: {
          target: 'ES2022',
          module,
          strict: true,
          noEmit: true,
          types: ['node'],
          // A user's project may check our declarations too.
          skipLibCheck: false,
        },
        files: [file],
      };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config));
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      let output = '';
      try {
        execFileSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
      } catch (error) {
        output = (error as { stdout: string }).stdout;
      }
      expect([module, output]).toEqual([module, '']);
    }
  });
});
