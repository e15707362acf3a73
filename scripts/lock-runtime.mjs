// Writes src/libtorch/wheels.json: the wheels that LibTorch is installed from, with their SHA-256, for every platform that
// has a build. pip resolves what PyTorch itself asks for, and downloads nothing but metadata; sizes are asked for from
// the address that pip names. To be run by hand for another version of LibTorch, which wheels.json alone names; needs pip
// and a package index.
//
//   node scripts/lock-runtime.mjs VERSION [python]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { root } from './lib/paths.mjs';
import { Failure, main } from './lib/run.mjs';

const [LIBTORCH_VERSION, PYTHON_PROGRAM = 'python3'] = process.argv.slice(2);

/** The libraries are the same in the wheels of every Python version. */
const PYTHON = '311';

/** pip takes platform tags literally: an older glibc's tag is not implied by a newer one's. */
const linux = (machine) => [
  ...Array.from({ length: 24 }, (_, i) => `manylinux_2_${28 - i}_${machine}`),
  ...['manylinux2014', 'manylinux2010', 'manylinux1'].map((tag) => `${tag}_${machine}`),
];
const PLATFORMS = {
  'linux-x64': linux('x86_64'),
  'linux-arm64': linux('aarch64'),
  'darwin-arm64': ['macosx_14_0_arm64', 'macosx_13_0_arm64', 'macosx_12_0_arm64', 'macosx_11_0_arm64'],
  'win32-x64': ['win_amd64'],
};

/**
 * Libraries that libtorch_cpu.so of a CUDA build is linked with; the other NVIDIA libraries are for libtorch_cuda.so.
 */
const FOR_CPU = ['nvidia-cuda-runtime', 'nvidia-cuda-cupti'];

function resolve(python, platform, tags) {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-lock-'));
  const report = join(folder, 'report.json');
  try {
    execFileSync(
      python,
      [
        ...['-m', 'pip', 'install', '--dry-run', '--ignore-installed', '--quiet', '--report', report],
        ...['--only-binary=:all:', '--target', folder, '--implementation', 'cp'],
        ...['--python-version', PYTHON, '--abi', `cp${PYTHON}`, '--abi', 'abi3', '--abi', 'none'],
        // Markers are evaluated for the machine that runs pip, so other systems' dependencies would be Linux's.
        ...(platform.startsWith('linux') ? [] : ['--no-deps']),
        ...tags.flatMap((tag) => ['--platform', tag]),
        `torch==${LIBTORCH_VERSION}`,
      ],
      { stdio: ['ignore', 2, 2] },
    );
    return JSON.parse(readFileSync(report, 'utf8')).install;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const forCudaOnly = (project) => project.startsWith('nvidia-') && !FOR_CPU.includes(project);

async function wheel(platform, { metadata, download_info: { url, archive_info } }) {
  const response = await fetch(url, { method: 'HEAD' });
  const size = Number(response.headers.get('content-length'));
  if (!response.ok || !(size > 0)) throw new Error(`${url}: no size (${response.status})`);
  return {
    project: metadata.name,
    version: metadata.version,
    file: decodeURIComponent(new URL(url).pathname.split('/').at(-1)),
    sha256: archive_info.hashes.sha256,
    size,
    kinds: !platform.startsWith('linux') ? ['cpu'] : forCudaOnly(metadata.name) ? ['cuda'] : ['cpu', 'cuda'],
  };
}

await main('lock-runtime', async () => {
  if (!/^\d+\.\d+\.\d+$/.test(LIBTORCH_VERSION ?? ''))
    throw new Failure('Name the version of LibTorch: three numbers with points between.');
  const platforms = {};
  for (const [platform, tags] of Object.entries(PLATFORMS)) {
    const wanted = resolve(PYTHON_PROGRAM, platform, tags)
      .filter(({ metadata }) => metadata.name === 'torch' || metadata.name.startsWith('nvidia-'))
      .sort(
        (a, b) =>
          (b.metadata.name === 'torch') - (a.metadata.name === 'torch') || (a.metadata.name < b.metadata.name ? -1 : 1),
      );
    platforms[platform] = await Promise.all(wanted.map((entry) => wheel(platform, entry)));
    console.error(`${platform}: ${wanted.length} wheels`);
  }
  writeFileSync(
    join(root, 'src/libtorch/wheels.json'),
    `${JSON.stringify({ libtorch: LIBTORCH_VERSION, platforms }, null, 2)}\n`,
  );
});
