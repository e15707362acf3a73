// Hosts that give little: no home folder, an unknown user, folders that can only be read, one cache for many processes.
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { expectScore, hostProject } from './project.mjs';

/** A number that no user has. */
const NOBODY = 64_123;
const asOther = process.getuid?.() === 0;

const app = (options) => `import { HyperIQA } from 'hyperiqa';
  const iqa = await HyperIQA.load(${JSON.stringify(options)});
  const { score } = await iqa.score('photo.jpg');
  const { tuning, warnings } = iqa.info;
  await iqa.dispose();
  console.log(JSON.stringify({ score, tuning, warnings: warnings.map(({ code }) => code) }));`;
const OPTIONS = { device: 'cpu', threads: 2 };

let project;
beforeAll(() => {
  project = hostProject('restricted', { forAll: true });
  project.write('app.mjs', app(OPTIONS));
  project.write('untuned.mjs', app({ ...OPTIONS, tuning: false }));
  // The other user must get through the folders above, which mkdtemp makes for their owner alone.
  for (const folder of [join(project.machine.folder, '..'), project.machine.folder]) chmodSync(folder, 0o755);
});
afterAll(() => {
  rmSync(project.machine.folder, { recursive: true });
});

function run(file, options) {
  const { score, ...rest } = JSON.parse(project.run('node', [file], options).output);
  expectScore(score);
  return rest;
}

describe.runIf(asOther)('an unknown user without a home folder, who can write nowhere', () => {
  const restricted = { uid: NOBODY, env: { HOME: undefined, TMPDIR: '/nowhere' } };

  test('scores, with a warning', () => {
    expect(run('app.mjs', restricted)).toEqual({ tuning: 'not-stored', warnings: ['WARN_NO_CACHE'] });
  });

  test('scores without measuring and without a warning', () => {
    expect(run('untuned.mjs', restricted)).toEqual({ tuning: 'default', warnings: [] });
  });

  test('uses what the build of an image has measured', () => {
    const HYPERIQA_CACHE = join(project.machine.folder, 'baked');
    project.run('npx', ['hyperiqa', 'warm-up', '--device', 'cpu', '--threads', '2'], { env: { HYPERIQA_CACHE } });
    expect(run('app.mjs', { uid: NOBODY, env: { HOME: undefined, HYPERIQA_CACHE } })).toEqual({
      tuning: 'cached',
      warnings: [],
    });
  });

  test('the build ends with an error where nothing can be stored', () => {
    const { status, stderr } = project.try(
      'node',
      ['node_modules/hyperiqa/dist/cli/main.js', 'warm-up', '--device', 'cpu'],
      {
        uid: NOBODY,
        env: { HYPERIQA_CACHE: '/proc/nowhere' },
      },
    );
    expect(stderr).toContain('ERR_OUTPUT');
    expect(status).toBe(2);
  });
});

test('of three processes with one empty cache one measures', async () => {
  const env = { HYPERIQA_CACHE: join(project.machine.folder, 'shared') };
  const outputs = await Promise.all(Array.from({ length: 3 }, () => project.output('node', ['app.mjs'], { env })));
  const tunings = outputs.map((output) => JSON.parse(output).tuning);
  expect(tunings.sort()).toEqual(['cached', 'cached', 'measured']);
});
