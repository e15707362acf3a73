// Servers and pools: the examples of the package as programs of a project.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { shutdownRounds } from '../../test/helpers/shutdown.js';
import { example, expectScore, hostProject, post, terminate } from './project.mjs';

let project;
beforeAll(() => {
  project = hostProject('servers', { packages: ['fastify@5.12.8', 'express@5.3.0', 'piscina@5.3.2'] });
});
afterAll(() => {
  rmSync(project.machine.folder, { recursive: true });
});

describe.each([
  ['fastify.mjs', '/score'],
  ['express.mjs', '/score'],
  ['http-service.mjs', '/'],
])('the example %s', (name, path) => {
  test.each(['SIGTERM', 'SIGINT'])('scores uploads, says whose fault a refusal is, and ends on %s', async (signal) => {
    project.write(name, example(name));
    const server = await project.serve('node', [name, '0']);
    const [status, { score }] = await post(`${server.address}${path}`);
    expect(status).toBe(200);
    expectScore(score);
    const refused = await post(`${server.address}${path}`, 'no image');
    expect([415, 422]).toContain(refused[0]);
    expect(refused[1].error.code).toBe('ERR_IMAGE_FORMAT');
    expect(await terminate(server, signal)).toEqual({ code: 0, signal: null });
  });

  test('loses no accepted upload when it is told to end', async () => {
    await shutdownRounds({
      rounds: 2,
      seed: 1,
      path,
      start: () => project.serve('node', [name, '0']),
    });
  });
});

test('the example cluster.mjs: workers behind one port', async () => {
  project.write('cluster.mjs', example('cluster.mjs'));
  const server = await project.serve('node', ['cluster.mjs', '0', '2']);
  const answers = await Promise.all(Array.from({ length: 6 }, () => post(server.address)));
  for (const [status, score] of answers) {
    expect(status).toBe(200);
    expectScore(score);
  }
  expect((await post(server.address, 'no image'))[0]).toBe(422);
  expect(await terminate(server)).toEqual({ code: 0, signal: null });
});

/** The score that an example prints, which has one decimal. */
const printed = (output) => Number(/^photo\.jpg: (\d+\.\d)/m.exec(output)?.[1]);

test('the example piscina.mjs: errors of a pool keep class and code', () => {
  project.write('piscina.mjs', example('piscina.mjs'));
  const { status, stdout, stderr } = project.try('node', ['piscina.mjs', 'photo.jpg', 'nothing.jpg']);
  expectScore(printed(stdout), 0.1);
  expect(stderr).toMatch(/^nothing\.jpg: ERR_IMAGE_NOT_FOUND: There is no file/);
  expect(status).toBe(1);
});

test.each(['worker-thread.mjs', 'child-process.mjs', 'score.mjs'])('the example %s', (name) => {
  project.write(name, example(name));
  expectScore(printed(project.run('node', [name, 'photo.jpg']).output), 0.1);
});

test('the examples that the package brings are those of the repository', () => {
  for (const name of ['fastify.mjs', 'express.mjs', 'piscina.mjs', 'cluster.mjs', 'next/app/api/score/route.js']) {
    expect(project.read(join('node_modules/hyperiqa/examples', name))).toBe(example(name));
  }
});
