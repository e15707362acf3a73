// All tests: vitest (test), GoogleTest (native/test), pytest (models). Sets up what is missing first.
//   node scripts/test.mjs [vitest] [ctest] [pytest]      the named suites; these three without a name
//   node scripts/test.mjs install                        packs everything and proves that it installs (npm/README.md):
//                                                        Linux x64; reads npm's registry; some minutes
// Prints what each suite prints, then one line over all: "N passed, N failed", with the skipped ones where there are any.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { root } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { prepare } from './prepare.mjs';
import { modelsPython } from './python-env.mjs';

const USUAL = ['vitest', 'ctest', 'pytest'];
const reports = mkdtempSync(join(tmpdir(), 'hyperiqa-test-'));

/** Each suite: a command that writes a JUnit report to the file it is given. */
const suites = {
  // First, because its set-up makes the models that the engine's tests score with, too.
  vitest: (report) => vitest(report),
  ctest: (report) => {
    // The addon's own build folder, so that the engine is not compiled twice.
    run('cmake', ['-S', root, '-B', join(root, 'build'), '-DHYPERIQA_TESTS=ON']);
    run('cmake', ['--build', join(root, 'build'), '--parallel', String(availableParallelism())]);
    return ['ctest', '--test-dir', join(root, 'build'), '--output-on-failure', '--output-junit', report];
  },
  install: (report) => vitest(report, '--config', join(root, 'npm/proof/vitest.config.ts')),
  pytest: (report) => [modelsPython(), '-m', 'pytest', '-q', 'models', `--junitxml=${report}`],
};

function vitest(report, ...options) {
  const program = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=junit', `--outputFile.junit=${report}`];
  return [process.execPath, program, 'run', ...reporters, ...options];
}

/** Adds up the <testsuite> elements of a JUnit report (the root is one suite for ctest, several for the others). */
function count(report) {
  const parsed = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(
    readFileSync(report, 'utf8'),
  );
  const found = [parsed.testsuites?.testsuite ?? parsed.testsuite ?? []].flat();
  const sum = (name) => found.reduce((total, suite) => total + Number(suite[name] ?? 0), 0);
  const [tests, failed, skipped] = [sum('tests'), sum('failures') + sum('errors'), sum('skipped') + sum('disabled')];
  return { passed: tests - failed - skipped, failed, skipped };
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in suites));
if (unknown.length > 0) {
  console.error(`No such suite: ${unknown.join(', ')}. There are: ${Object.keys(suites).join(', ')}.`);
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
await prepare();
const chosen = named.length > 0 ? named : USUAL;
// The tests score with models that Python makes; the proof of installation with the one that is shipped.
const python = chosen.some((name) => name !== 'install') ? modelsPython() : undefined;
for (const name of chosen) {
  console.log(`\n== ${name}`);
  const report = join(reports, `${name}.xml`);
  let status = 1;
  try {
    const [command, ...args] = suites[name](report);
    status = spawnSync(command, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...(python && { HYPERIQA_PYTHON: python }) },
    }).status;
  } catch (error) {
    console.error(error.message);
  }
  const result = existsSync(report) ? count(report) : { passed: 0, failed: 0, skipped: 0 };
  // A suite that ends badly without naming a failed test (a crash, a build error, no test at all) is one failure.
  if (status !== 0 && result.failed === 0) result.failed = 1;
  if (result.passed + result.failed === 0) result.failed = 1;
  for (const key of Object.keys(total)) total[key] += result[key];
}
rmSync(reports, { recursive: true, force: true });
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;
