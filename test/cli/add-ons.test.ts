/** Commands of packages that are installed beside hyperiqa, or are not. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addOnCommands } from '../../src/cli/add-ons.js';
import { root } from './cli.js';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
/** A project with a copy of the built package, which sees no other package of the checkout than its dependencies. */
let project: string;
let own: string;

beforeAll(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'hyperiqa-add-on-')));
  own = join(project, 'node_modules/hyperiqa');
  mkdirSync(own, { recursive: true });
  for (const file of ['dist', 'package.json']) cpSync(join(root, file), join(own, file), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
  for (const name of Object.keys(dependencies))
    symlinkSync(join(root, 'node_modules', name), join(own, '..', name), 'dir');
});
afterAll(() => {
  rmSync(project, { recursive: true });
});

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(own, 'dist/cli/main.js'), ...args], {
    cwd: project,
    encoding: 'utf8',
  });
  return { status, stdout, stderr: stderr.replaceAll('\n', ' ') };
}

function install(name: string, manifest: object, commands?: string): void {
  const folder = join(project, 'node_modules', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const exports = { './commands': './commands.js', './package.json': './package.json' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, type: 'module', exports, ...manifest }));
  if (commands !== undefined) writeFileSync(join(folder, 'commands.js'), commands);
}

test('a missing add-on: the command is listed, and says how to install it', () => {
  writeFileSync(join(project, 'package.json'), '{}');
  const help = run('--help');
  expect(help.status).toBe(0);
  for (const [name, { addOn, describe }] of Object.entries(addOnCommands)) {
    expect(help.stdout).toContain(describe);
    expect(run('--get-yargs-completions', 'hyperiqa', name, '--')).toEqual({ status: 2, stdout: '', stderr: '' });
    for (const args of [[name, 'a.csv', '--mos', 'b.csv'], [name, '--help'], [name]]) {
      const { status, stderr } = run(...args);
      expect(status).toBe(2);
      expect(stderr).toContain(`npm install ${addOn}@${version} (ERR_ADD_ON_NOT_FOUND)`);
    }
  }
});

test('beside a global installation the command installs globally', () => {
  rmSync(join(project, 'package.json'));
  expect(run('eval').stderr).toContain(`npm install -g @hyperiqa/evaluation@${version}`);
});

test('an add-on of another version is refused', () => {
  install('@hyperiqa/evaluation', { version: '9.8.7' }, 'throw new Error("loaded");');
  const { status, stderr } = run('eval');
  expect(status).toBe(2);
  expect(stderr).toMatch(/9\.8\.7.*ERR_ADD_ON_VERSION/);
});

test.each([
  ['without its commands', undefined],
  ['that cannot be loaded', "import 'not-there';"],
  ['that adds nothing', 'export const nothing = 1;'],
])('an add-on %s is damaged', (_, commands) => {
  install('@hyperiqa/evaluation', { version }, commands);
  expect(run('eval').stderr).toMatch(/Install it anew: npm install .*ERR_ADD_ON_LOAD/);
});

test('an add-on gets the kit, its options are checked, and its exit code counts', () => {
  install(
    '@hyperiqa/evaluation',
    { version },
    `export const addOn = { commands: (kit) => [{
      command: 'eval',
      options: { several: { type: 'string', array: true }, once: { type: 'string' } },
      handler: ({ several, once }) => {
        kit.terminal.tell('got ' + several.join('+') + ' ' + kit.flags.integer('once', once));
        kit.exit(3);
      },
    }] };`,
  );
  expect(run('eval', '--several', 'a', 'b', '--once', '7')).toEqual({
    ...{ status: 3, stdout: '', stderr: 'hyperiqa: got a+b 7 ' },
  });
  expect(run('eval', '--once', '7', '--once', '8').stderr).toContain('--once is given more than once.');
  expect(run('eval', '--onec', '7').stderr).toMatch(/Unknown argument: onec\..*ERR_INVALID_ARGUMENT/);
  expect(run('eval', '--severl', '7').stderr).toContain('Did you mean --several?');
});
