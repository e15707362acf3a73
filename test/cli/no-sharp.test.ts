/** Without sharp's platform package the command line says so, and does everything that needs no pixels. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DoctorReport } from '../../src/runtime/index.js';
import { hyperiqa, photos, score, scratch } from './cli.js';

/** The environment of a process, and of those that it starts, in which sharp cannot be loaded. */
function withoutSharp(): NodeJS.ProcessEnv {
  const path = join(scratch(), 'no-sharp.cjs');
  writeFileSync(
    path,
    `const Module = require('node:module');
     const load = Module._load;
     Module._load = (name, ...rest) => {
       if (name === 'sharp') throw new Error('Could not load the "sharp" module using this runtime\\nPossible solutions:');
       return load(name, ...rest);
     };`,
  );
  return { NODE_OPTIONS: `--require "${path}"` };
}

test('scoring ends with the remedy', async () => {
  const { code, stdout, stderr } = await score([photos], { env: withoutSharp() });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^hyperiqa: sharp, .* cannot be loaded: Could not load .* \(ERR_SHARP_LOAD\)\n$/);
  expect(stderr).toContain('npm install --include=optional sharp');
});

test('doctor names it, and --help still teaches', async () => {
  const env = withoutSharp();
  const { code, stdout } = await hyperiqa(['doctor', '--json'], { env });
  expect(code).toBe(1);
  const { checks } = JSON.parse(stdout) as DoctorReport;
  expect(checks.find(({ id }) => id === 'sharp')).toMatchObject({
    status: 'problem',
    message: expect.stringContaining('Could not load the "sharp" module') as string,
  });
  expect((await hyperiqa(['score', '--help'], { env })).stdout).toContain('--protocol');
});
