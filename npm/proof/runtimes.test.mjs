// Other runtimes (Bun, Deno, Node.js with permissions) and package managers (Yarn's Plug'n'Play).
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { expectScore, hostMachine, hostProject } from './project.mjs';
import { PHOTO } from './setup.mjs';

const APP = `import { HyperIQA } from 'hyperiqa';
  const iqa = await HyperIQA.load();
  const { score } = await iqa.score('photo.jpg');
  const { code } = await iqa.score('nothing.jpg').catch((error) => error);
  await iqa.dispose();
  console.log(JSON.stringify({ score, code, source: iqa.info.libtorch.source }));`;

function expectWorks(output) {
  const { score, ...rest } = JSON.parse(output);
  expectScore(score);
  expect(rest).toEqual({ code: 'ERR_IMAGE_NOT_FOUND', source: 'package' });
}

describe('in a project of npm', () => {
  let project;
  beforeAll(() => {
    project = hostProject('runtimes');
    project.write('app.mjs', APP);
  });
  afterAll(() => {
    rmSync(project.machine.folder, { recursive: true });
  });

  test('Bun', () => {
    expectWorks(project.run('bun', ['app.mjs']).output);
  });

  test('Deno, with the permissions that are needed', () => {
    expectWorks(
      project.run('deno', ['run', '--no-prompt', '--allow-read', '--allow-env', '--allow-ffi', 'app.mjs']).output,
    );
  });

  test.each(['', '--allow-env', '--allow-read --allow-env'])(
    'Deno, with fewer: the error names all flags %s',
    (flags) => {
      const { status, stderr } = project.try(
        'deno',
        ['run', '--no-prompt', ...flags.split(' ').filter(Boolean), 'app.mjs'],
        {
          env: { NO_COLOR: '1' },
        },
      );
      expect(status).toBe(1);
      expect(stderr).toContain('hyperiqa needs --allow-read, --allow-env and --allow-ffi of Deno');
      expect(stderr).toContain('HyperIQAError');
    },
  );

  test("Node's permission model, with what is needed and with less", () => {
    const flags = ['--permission', '--allow-fs-read=*'];
    expectWorks(project.run('node', [...flags, '--allow-addons', 'app.mjs']).output);
    const { stderr } = project.try('node', [...flags, 'app.mjs']);
    expect(stderr).toContain('hyperiqa needs --allow-addons and --allow-fs-read=* of Node.js');
    expect(stderr).toContain('ERR_PERMISSION');
  });
});

test('Bun installs and runs it by its own package manager', () => {
  const machine = hostMachine('bun');
  const project = machine.project('project', PHOTO);
  project.write('app.mjs', APP);
  project.run('bun', ['install', 'hyperiqa']);
  expectWorks(project.run('bun', ['app.mjs']).output);
  rmSync(machine.folder, { recursive: true });
});

test.each(['20', '24'])("Yarn's Plug'n'Play, Node.js %s", (node) => {
  const machine = hostMachine(`yarn${node}`, { node });
  const project = machine.project('project', PHOTO);
  const { registry } = inject('proof');
  project.write('yarn.lock', '');
  project.write(
    '.yarnrc.yml',
    [
      `npmRegistryServer: '${registry}'`,
      'unsafeHttpWhitelist: [127.0.0.1]',
      'enableTelemetry: false',
      'enableScripts: false',
      'npmMinimalAgeGate: 0', // Ours were published a minute ago.

      'enableGlobalCache: true',
      `globalFolder: '${machine.folder}/yarn'`,
    ].join('\n'),
  );
  project.write('app.mjs', APP);
  project.run('yarn', ['add', 'hyperiqa']);
  expectWorks(project.run('yarn', ['node', 'app.mjs']).output);
  expectScore(JSON.parse(project.run('yarn', ['hyperiqa', 'score', 'photo.jpg', '--format', 'jsonl']).output).score);
  rmSync(machine.folder, { recursive: true });
});
