// The platforms that hyperiqa has prebuilt files for: what a package must hold, and what it may need of a system.
//
// os, cpu, libc   as npm compares them with the machine that installs
// proven          built, installed and run by the proof of installation (npm/proof); false: the entry is what the
//                 libraries of PyTorch's wheel for the platform ask for, but nothing was ever run there
// libraries       the libraries that the addon opens; what these need in turn is found by reading them (Linux), or
//                 listed here, too (elsewhere)
// strip           files whose symbol tables are dropped; never a file whose licence forbids changing it (NVIDIA's)
// floor           Linux: the newest symbol versions that any file may ask for
// licences        the texts for each library, by name; a library without a line cannot be packed
import { built } from '../scripts/lib/typescript.mjs';

const { LIBTORCH_VERSION } = built('libtorch/version');

/** Version of the LibTorch packages. When the same LibTorch is packed anew, append -r2, -r3 … */
export const LIBTORCH_PACKAGE_VERSION = LIBTORCH_VERSION;

/** npm's practical ceiling for a tarball is about 200 MB. */
export const TARBALL_LIMIT = 150e6;

const PYTORCH = 'pytorch.txt';
const INTEL = ['intel-simplified.txt', 'intel-mkl-third-party.txt'];
const GCC = ['gpl-3.0.txt', 'gcc-runtime-exception-3.1.txt'];

const linux = {
  os: 'linux',
  libc: 'glibc',
  libraries: ['libc10.so', 'libtorch_cpu.so'],
  strip: /^(?:libc10\.so|libtorch_cpu\.so|.*\.node)$/,
  // Debian 12's: the addon's; LibTorch's own files are content with glibc 2.28 and GLIBCXX_3.4.22. See README.md.
  floor: { GLIBC: '2.34', GLIBCXX: '3.4.30', CXXABI: '1.3.13', GCC: '4.3.0' },
};
const gomp = {
  name: /^libgomp/,
  what: 'OpenMP run-time library of GCC, unchanged; its source is part of that of GCC (gcc.gnu.org)',
  texts: GCC,
};
const nvidia = { name: /^lib(?:cudart|cupti)/, what: 'NVIDIA CUDA run-time libraries', texts: ['nvidia.txt'] };
const pytorch = { what: 'PyTorch and what is linked into it', texts: [PYTORCH] };

export const platforms = {
  'linux-x64': {
    ...linux,
    cpu: 'x64',
    proven: true,
    licences: [
      { name: /^libc10\.so/, ...pytorch },
      {
        name: /^libtorch_cpu\.so/,
        what: 'PyTorch, Intel oneMKL and what is linked into it',
        texts: [PYTORCH, ...INTEL],
      },
      gomp,
      nvidia,
    ],
  },
  'linux-arm64': {
    ...linux,
    cpu: 'arm64',
    proven: false,
    licences: [{ name: /^lib(?:c10|torch_cpu)\.so/, ...pytorch }, gomp, nvidia],
  },
  'darwin-arm64': {
    os: 'darwin',
    cpu: 'arm64',
    proven: false,
    libraries: ['libc10.dylib', 'libtorch_cpu.dylib', 'libomp.dylib'],
    licences: [{ name: /\.dylib$/, ...pytorch }],
  },
  'win32-x64': {
    os: 'win32',
    cpu: 'x64',
    proven: false,
    libraries: ['c10.dll', 'torch_cpu.dll', 'libiomp5md.dll', 'uv.dll'],
    licences: [
      { name: /^(?:c10|uv)\.dll$/, ...pytorch },
      {
        name: /^torch_cpu\.dll$/,
        what: 'PyTorch, Intel oneMKL and what is linked into it',
        texts: [PYTORCH, ...INTEL],
      },
      { name: /^libiomp5md\.dll$/, what: 'Intel OpenMP run-time library', texts: ['intel-simplified.txt'] },
    ],
  },
};

export const addonPackage = (platform) => `@hyperiqa/${platform}`;
export const libtorchPackage = (platform) => `@hyperiqa/libtorch-${platform}`;
