// Engine and addons under sanitizers: AddressSanitizer with UndefinedBehaviorSanitizer, then ThreadSanitizer. Builds each
// flavour (scripts/prepare.mjs), runs the engine's GoogleTests in it, and lets the addon score, end and be killed in
// Node.js, with the model that is shipped. Reports of LibTorch's own are left out by native/test/tsan.supp. Takes a while.
//   node scripts/sanitizers.mjs [address] [thread]      without a name: both
import { execFileSync, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from './lib/paths.mjs';
import { Failure, main, run } from './lib/run.mjs';
import { provideLibTorch } from './libtorch.mjs';
import { FLAVOURS, prepare } from './prepare.mjs';

const supp = (name) => join(root, 'native/test', name);
const SANITIZERS = {
  address: {
    library: 'libasan.so',
    // Node.js frees little at its end; what of ours leaks is looked for in the engine's tests.
    environment: { ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1', UBSAN_OPTIONS: 'print_stacktrace=1' },
  },
  thread: {
    library: 'libtsan.so',
    environment: { TSAN_OPTIONS: `suppressions=${supp('tsan.supp')}:allocator_may_return_null=1` },
  },
};

/** Scenarios of test/native/fixtures/process.mjs with their exit status. */
const SCENARIOS = [
  ['waits for the last result', 0],
  ['waits for dispose()', 0],
  ['process.exit() during scoring', 3],
  ['calls while the process exits', 0],
  ['terminates workers that score', 0],
  ['scores in two workers and in the main thread', 0],
  ['disposes of an engine in an endless forward', 0],
  ['process.exit() during an endless forward', 3],
];

function testEngine(folder) {
  run('cmake', ['-S', root, '-B', folder, '-DHYPERIQA_TESTS=ON']);
  run('cmake', ['--build', folder, '--parallel', String(availableParallelism())]);
  run('ctest', ['--test-dir', folder, '--output-on-failure']);
}

/** The addon in Node.js. The sanitizer's library is preloaded, because node itself has none. */
function smokeAddon(folder, libtorch, { library, environment }) {
  const preload = execFileSync('g++', [`-print-file-name=${library}`], { encoding: 'utf8' }).trim();
  const places = {
    addon: join(folder, 'hyperiqa.node'),
    loader: join(folder, 'hyperiqa_loader.node'),
    libraries: ['libc10.so', 'libtorch_cpu.so'].map((file) => join(libtorch, 'lib', file)),
    model: join(root, 'models/hyperiqa-lite0.pt'),
  };
  for (const [scenario, status] of SCENARIOS) {
    const script = join(root, 'test/native/fixtures/process.mjs');
    const end = spawnSync(process.execPath, [script, scenario], {
      env: { ...process.env, ...environment, LD_PRELOAD: preload, HYPERIQA_TEST: JSON.stringify(places) },
      encoding: 'utf8',
      timeout: 300_000,
    });
    const clean = end.status === status && !/Sanitizer|runtime error/.test(end.stderr);
    console.log(`${clean ? 'passed' : 'FAILED'}: ${scenario}`);
    if (!clean) {
      throw new Failure(`Status ${end.status}, signal ${end.signal} instead of status ${status}.\n${end.stderr}`);
    }
  }
}

await main('sanitizers', async () => {
  const named = process.argv.slice(2);
  const libtorch = await provideLibTorch();
  for (const name of named.length > 0 ? named : Object.keys(SANITIZERS)) {
    if (!(name in SANITIZERS)) throw new Failure(`No such sanitizer: ${name}. There are: address, thread.`);
    console.log(`\n== ${name}`);
    await prepare({ flavour: name });
    const { folder, config } = FLAVOURS[name];
    testEngine(join(root, folder));
    smokeAddon(join(root, folder, config), libtorch, SANITIZERS[name]);
  }
});
