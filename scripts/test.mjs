// Runs test suites. Sets up what is missing first.
//   node scripts/test.mjs [SUITE…]      the named suites; vitest and ctest without a name
//     vitest    test, packages: TypeScript and the addon
//     ctest     native/test: the engine, with GoogleTest
//     pytest    models: network, export, training; makes a Python environment with PyTorch (5 GB)
//     pytorch   test/pytorch: what is made without Python against PyTorch's own; the same environment
//     install   packs everything and proves that it installs (npm/README.md): Linux x64; reads npm's registry. With --slow
//               also in large hosts (Next.js, NestJS, webpack), and fifty shutdowns of each server: an hour
//     all       all of these
//     coverage  vitest, and what share of the code it runs, with a floor (vitest.config.ts)
// Prints what each suite prints, then one line over all: "N passed, N failed", with the skipped ones where there are any.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { configureNativeTests } from './lib/native-tests.mjs';
import { root } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { prepare } from './prepare.mjs';
import { modelsPython } from './python-env.mjs';

const DEFAULT_SUITES = ['vitest', 'ctest'];
const reports = mkdtempSync(join(tmpdir(), 'hyperiqa-test-'));

/** Each suite: a command that writes a JUnit report to the file it is given. */
const suites = {
  vitest: (report) => vitest(report),
  ctest: (report) => {
    configureNativeTests();
    run('cmake', ['--build', join(root, 'build'), '--parallel', String(availableParallelism())]);
    makeTestModels();
    return ['ctest', '--test-dir', join(root, 'build'), '--output-on-failure', '--output-junit', report];
  },
  pytest: (report) => [modelsPython(), '-m', 'pytest', '-q', 'models', `--junitxml=${report}`],
  pytorch: (report) => vitest(report, '--config', join(root, 'test/pytorch/vitest.config.ts')),
  install: (report) => vitest(report, '--config', join(root, 'npm/proof/vitest.config.ts')),
};
const others = { coverage: (report) => vitest(report, '--coverage') };
const WITH_PYTORCH = ['pytest', 'pytorch'];

/** The engine is tested with the models that the set-up of vitest makes; where they are there, this takes seconds. */
function makeTestModels() {
  const program = join(root, 'node_modules/vitest/vitest.mjs');
  run(process.execPath, [program, 'run', 'test/helpers/models.test.ts', '--silent']);
}

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

const args = process.argv.slice(2);
if (args.includes('--slow')) process.env.HYPERIQA_PROOF_SLOW = '1';
const given = args.filter((arg) => arg !== '--slow');
const named = given.includes('all') ? Object.keys(suites) : given;
const unknown = named.filter((name) => !(name in suites) && !(name in others));
if (unknown.length > 0) {
  console.error(
    `No such suite: ${unknown.join(', ')}. There are: ${[...Object.keys({ ...suites, ...others }), 'all'].join(', ')}.`,
  );
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
await prepare();
const chosen = named.length > 0 ? named : DEFAULT_SUITES;
for (const name of chosen) {
  console.log(`\n== ${name}`);
  const report = join(reports, `${name}.xml`);
  let status = 1;
  try {
    const [command, ...args] = { ...suites, ...others }[name](report);
    status = spawnSync(command, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...(WITH_PYTORCH.includes(name) && { HYPERIQA_PYTHON: modelsPython() }) },
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
