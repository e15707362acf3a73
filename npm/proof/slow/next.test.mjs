// Next.js: route handlers without configuration, with it, and from the folder that `output: 'standalone'` makes.
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { example, expectScore, hostProject, post, terminate } from '../project.mjs';
import { PHOTO } from '../setup.mjs';

const ROUTE = 'app/api/score/route.js';
const env = { NEXT_TELEMETRY_DISABLED: '1', NO_COLOR: '1', CI: '1' };

describe.each([
  ['15.5.29', []],
  ['16.4.6', []],
  ['16.4.6', ['--webpack']],
])('Next.js %s %s', (version, flags) => {
  let project;
  beforeAll(() => {
    const name = `next${version}${flags.join('')}`;
    project = hostProject(name, {
      packages: [`next@${version}`, 'react@19', 'react-dom@19'],
      manifest: { type: 'module' },
    });
    project.write(ROUTE, example(`next/${ROUTE}`));
  });
  afterAll(() => {
    rmSync(project.machine.folder, { recursive: true });
  });

  async function scores(server) {
    const [status, body] = await post(`${server.address}/api/score`);
    expect([status, body]).toEqual([200, { score: expect.any(Number), warnings: [] }]);
    expectScore(body.score);
    expect(await post(`${server.address}/api/score`, 'no image')).toEqual([
      422,
      { error: expect.objectContaining({ code: 'ERR_IMAGE_FORMAT' }) },
    ]);
    await terminate(server);
  }

  test('without configuration the build says what to add', () => {
    const { status, stdout, stderr } = project.try('npx', ['next', 'build', ...flags], { env });
    expect(status).not.toBe(0);
    expect(stdout + stderr).toMatch(/hyperiqa was bundled into .*serverExternalPackages: \['hyperiqa'\]/);
  });

  test('with it, started where it was built', async () => {
    project.write('next.config.mjs', example('next/next.config.mjs').replace(/output: .*\n/, ''));
    project.run('npx', ['next', 'build', ...flags], { env });
    await scores(await project.serve('npx', ['next', 'start', '--port', '0'], { env }));
  });

  test('standalone, started elsewhere', async () => {
    project.write('next.config.mjs', example('next/next.config.mjs'));
    project.run('npx', ['next', 'build', ...flags], { env });
    renameSync(join(project.folder, '.next/standalone'), join(project.machine.folder, 'standalone'));
    renameSync(join(project.folder, 'node_modules'), join(project.folder, 'hidden'));
    cpSync(PHOTO, join(project.machine.folder, 'standalone/photo.jpg'));
    await scores(
      await project.serve('node', ['server.js'], {
        env: { ...env, PORT: '0', HOSTNAME: '127.0.0.1' },
        cwd: '../standalone',
      }),
    );
  });
});
