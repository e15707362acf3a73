/** Hosts that allow less than hyperiqa needs: the error names all that is needed at once. (npm/proof does it with Deno.) */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { HyperIQAError, toHyperIQAError } from '../../src/errors.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

test("Node's permission model without --allow-addons", () => {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
  const source = `
    import { HyperIQA } from ${JSON.stringify(`${root}dist/index.js`)};
    await HyperIQA.load().catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`;
  const args = [flag, '--allow-fs-read=*', '--no-warnings', '--input-type=module', '--eval', source];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    code: 'ERR_PERMISSION',
    message: expect.stringMatching(
      /addons is disabled.*\nhyperiqa needs --allow-addons and --allow-fs-read=\*/,
    ) as string,
  });
});

test("Deno's errors", () => {
  const denied = Object.assign(new Error('Requires ffi access to "a.node", run again with the --allow-ffi flag'), {
    name: 'NotCapable',
  });
  const error = toHyperIQAError(denied);
  expect(error).toBeInstanceOf(HyperIQAError);
  expect(error).toMatchObject({ code: 'ERR_PERMISSION', cause: denied });
  expect(error.message).toMatch(/run again .*\nhyperiqa needs --allow-read, --allow-env and --allow-ffi of Deno/);
});
