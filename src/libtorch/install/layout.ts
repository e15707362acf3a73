/** Which files of a wheel, archive or folder belong to a runtime, and where they lie in it. */
import type { RuntimeKind } from '../places.js';

/** The part of LibTorch that only a CUDA runtime has; in the CUDA build beside the CPU's. */
export const CUDA_LIBRARY = /^torch\/lib\/(?:lib)?torch_cuda\.(?:so|dll)$/;

/** Of use inside Python only. */
const PYTHON = /^torch\/lib\/(?:lib)?(?:torch_python|shm)\b/;
const CUDA_PARTS = /^torch\/lib\/(?:lib)?(?:torch_cuda|c10_cuda|caffe2_nvrtc|torch_nvshmem)/;
/** What the CUDA build's libtorch_cpu.so is linked with. */
const CUDA_FOR_CPU = /\/lib(?:cudart|cupti)\.so/;

const TORCH_LIBRARY = /^torch\/lib\/[^/]+\.(?:so(?:\.[\d.]+)?|dylib|dll)$/;
const NVIDIA_LIBRARY = /^nvidia\/(?:[^/]+\/)+lib\/[^/]+\.so(?:\.[\d.]+)?$/;
const VERSION = /^torch\/(?:version\.py|build-version)$/;
const LICENCE = /^[^/]+\.dist-info\/(?:licenses\/.+|(?:LICEN[CS]E|License|NOTICE|COPYING)[^/]*)$/;

/**
 * Whether a runtime keeps a file. Headers, static libraries and everything that is Python's are left out; a CPU runtime
 * leaves out what only CUDA uses.
 *
 * @param path As in a wheel: `torch/lib/libc10.so`, `nvidia/cudnn/lib/libcudnn.so.9`, `torch-VERSION.dist-info/…`.
 */
export function keeps(kind: RuntimeKind, path: string): boolean {
  if (VERSION.test(path) || LICENCE.test(path)) return true;
  if (NVIDIA_LIBRARY.test(path)) return kind === 'cuda' || CUDA_FOR_CPU.test(path);
  return TORCH_LIBRARY.test(path) && !PYTHON.test(path) && !(kind === 'cpu' && CUDA_PARTS.test(path));
}
