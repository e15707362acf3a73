/** Selects the files of a wheel, archive or folder that an installation keeps, by purpose. */
import type { RuntimeKind } from '../runtime-folders.js';

/**
 * Purpose of an installation: to run on the CPU, to run on CUDA, or to build the addon with. The last one has the headers,
 * and libtorch_cuda without NVIDIA's large libraries: with those beside it the same folder serves CUDA.
 */
export type Purpose = RuntimeKind | 'build';

/** The part of LibTorch that only a CUDA build has, beside the CPU's. */
export const CUDA_LIBRARY = /^torch\/lib\/(?:lib)?torch_cuda\.(?:so|dll)$/;

/** Used inside Python only. */
const PYTHON = /^torch\/lib\/(?:lib)?(?:torch_python|shm)\b/;
const CUDA_PARTS = /^torch\/lib\/(?:lib)?(?:torch_cuda|c10_cuda|caffe2_nvrtc|torch_nvshmem)/;
/** The libraries of NVIDIA that the CUDA build's libtorch_cpu.so is linked with. */
const CUDA_FOR_CPU = /\/lib(?:cudart|cupti)\.so/;

const TORCH_LIBRARY = /^torch\/lib\/[^/]+\.(?:so(?:\.[\d.]+)?|dylib|dll)$/;
const NVIDIA_LIBRARY = /^nvidia\/(?:[^/]+\/)+lib\/[^/]+\.so(?:\.[\d.]+)?$/;
const VERSION = /^torch\/(?:version\.py|build-version)$/;
const LICENCE = /^[^/]+\.dist-info\/(?:licenses\/.+|(?:LICEN[CS]E|License|NOTICE|COPYING)[^/]*)$/;
/** Headers, and the import libraries of Windows. */
const FOR_BUILDING = /^torch\/(?:include\/.+|lib\/[^/]+\.lib)$/;

/**
 * Tests whether a file is kept. Files of Python are left out, and so are headers and static libraries unless they are built
 * with; a CPU runtime leaves out the files that only CUDA uses.
 *
 * @param path As in a wheel: `torch/lib/libc10.so`, `nvidia/cudnn/lib/libcudnn.so.9`, `torch-VERSION.dist-info/…`.
 */
export function keeps(purpose: Purpose, path: string): boolean {
  if (VERSION.test(path) || LICENCE.test(path)) return true;
  if (NVIDIA_LIBRARY.test(path)) return purpose === 'cuda' || CUDA_FOR_CPU.test(path);
  if (FOR_BUILDING.test(path)) return purpose === 'build' && !PYTHON.test(path);
  return TORCH_LIBRARY.test(path) && !PYTHON.test(path) && !(purpose === 'cpu' && CUDA_PARTS.test(path));
}
