// NestJS: the example, compiled and run.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { root } from '../../../scripts/lib/paths.mjs';
import { example, expectScore, hostProject, post, terminate } from '../project.mjs';

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

test.each(['11', '12'])('NestJS %s', async (version) => {
  const nest = ['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}@${version}`);
  const typescript = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  const project = hostProject(`nestjs${version}`, {
    packages: [...nest, 'reflect-metadata', 'rxjs', ...typescript],
    manifest: { type: 'module' },
  });
  project.write('nestjs.ts', example('nestjs.ts'));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    skipLibCheck: true,
    types: ['node'],
  };
  project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['nestjs.ts'] }));
  project.run('npx', ['tsc']);
  const server = await project.serve('node', ['nestjs.js', '0']);
  const [status, body] = await post(`${server.address}/score`);
  expect([status, body]).toEqual([200, { score: expect.any(Number) }]);
  expectScore(body.score);
  const refused = await post(`${server.address}/score`, 'no image');
  expect(refused).toEqual([422, { error: expect.objectContaining({ code: 'ERR_IMAGE_FORMAT' }) }]);
  await terminate(server);
  rmSync(project.machine.folder, { recursive: true });
});
