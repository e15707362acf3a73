// Formatters, linters and type checks of every language here, and the structure of the code. `--fix` lets the formatters rewrite.
//   node scripts/check.mjs [--fix] [typescript] [structure] [cpp] [python]
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { packages } from './lib/packages.mjs';
import { configureNativeTests } from './lib/native-tests.mjs';
import { root } from './lib/paths.mjs';
import { Failure, main, run, runAndKeepErrors } from './lib/run.mjs';
import { checkNativeRooms } from './native-rooms.mjs';
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

const packageSources = () => readdirSync(join(root, 'packages')).map((name) => `packages/${name}/src`);

const checks = {
  typescript() {
    node('prettier/bin/prettier.cjs', fix ? '--write' : '--check', '--log-level=warn', '.');
    node('typescript/bin/tsc', '--project', 'tsconfig.json');
    node('eslint/bin/eslint.js', '--max-warnings=0', ...(fix ? ['--fix'] : []), '.');
    for (const folder of ['.', ...packages.map(({ folder }) => folder)]) node('publint/src/cli.js', folder, '--strict');
  },
  structure() {
    // The arrows between rooms, then exports, files and dependencies that nothing uses.
    node(
      'dependency-cruiser/bin/dependency-cruise.mjs',
      '--config',
      '.dependency-cruiser.mjs',
      'src',
      ...packageSources(),
    );
    node('knip/bin/knip.js');
    checkNativeRooms();
  },
  async cpp() {
    const tools = dirname(pythonEnvironment('cpp-tools', join(root, 'scripts/requirements-cpp.txt')));
    const sources = tracked('native/*.cpp');
    run(join(tools, 'clang-format'), [
      ...(fix ? ['-i'] : ['--dry-run', '-Werror']),
      ...sources,
      ...tracked('native/*.h'),
    ]);
    // clang-tidy reads how each file is compiled from the addon's build folder; the tests are part of it only when asked for.
    configureNativeTests();
    await tidy(join(tools, 'clang-tidy'), sources);
  },
  python() {
    const python = modelsPython();
    run(python, ['-m', 'ruff', 'format', ...(fix ? [] : ['--check']), 'models']);
    run(python, ['-m', 'ruff', 'check', ...(fix ? ['--fix'] : []), 'models']);
  },
};

/** Runs clang-tidy on each file, as many at a time as there are processors: LibTorch's headers make it slow. */
async function tidy(program, sources) {
  const waiting = [...sources];
  const failed = [];
  const work = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const options = ['-p', join(root, 'build'), '--quiet', '--warnings-as-errors=*', source];
      const { status } = await runAndKeepErrors(program, options);
      if (status !== 0) failed.push(source);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (failed.length > 0) throw new Failure(`clang-tidy found something in ${failed.join(', ')}.`);
}

await main('check', async () => {
  for (const name of named.length > 0 ? named : Object.keys(checks)) {
    if (!(name in checks)) throw new Failure(`No such check: ${name}. There are: ${Object.keys(checks).join(', ')}.`);
    console.error(`== ${name}`);
    await checks[name]();
  }
});
