// Formatters, linters and type checks of every language here. `--fix` lets the formatters rewrite.
//   node scripts/check.mjs [--fix] [typescript] [cpp] [python]
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { modelsPython, pythonEnvironment } from './python-env.mjs';

const args = process.argv.slice(2);
const fix = args.includes('--fix');
const named = args.filter((arg) => arg !== '--fix');

const tracked = (...patterns) =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file && existsSync(join(root, file)));
const node = (script, ...rest) => run(process.execPath, [join(root, 'node_modules', script), ...rest]);

const checks = {
  typescript() {
    node('prettier/bin/prettier.cjs', fix ? '--write' : '--check', '--log-level=warn', '.');
    node('typescript/bin/tsc', '--project', 'tsconfig.json');
    node('eslint/bin/eslint.js', '--max-warnings=0', ...(fix ? ['--fix'] : []), '.');
    node('publint/src/cli.js', '--strict');
  },
  cpp() {
    const tools = dirname(pythonEnvironment('cpp-tools', join(root, 'scripts/requirements-cpp.txt')));
    const sources = tracked('native/*.cpp');
    run(join(tools, 'clang-format'), [
      ...(fix ? ['-i'] : ['--dry-run', '-Werror']),
      ...sources,
      ...tracked('native/*.h'),
    ]);
    // clang-tidy reads how each file is compiled from the addon's build folder.
    if (!existsSync(join(root, 'build/compile_commands.json')))
      throw new Error('Build the addon first: npm run prepare');
    run(join(tools, 'clang-tidy'), ['-p', join(root, 'build'), '--quiet', '--warnings-as-errors=*', ...sources]);
  },
  python() {
    const python = modelsPython();
    run(python, ['-m', 'ruff', 'format', ...(fix ? [] : ['--check']), 'models']);
    run(python, ['-m', 'ruff', 'check', ...(fix ? ['--fix'] : []), 'models']);
  },
};

for (const name of named.length > 0 ? named : Object.keys(checks)) {
  if (!(name in checks)) throw new Error(`No such check: ${name}. There are: ${Object.keys(checks).join(', ')}.`);
  console.error(`== ${name}`);
  checks[name]();
}
