/** Data needed to compute a score again; all results of a scorer share the same frozen parts. */
import { loadSharp } from '../image/sharp.js';
import { packageVersion } from '../support/package.js';
import type { Info, ModelIdentity, Provenance } from '../types.js';
import type { CheckedScoreOptions } from './options.js';

/** Versions of everything that has a part in a score. */
export function versions(libtorch: string): Provenance['versions'] {
  const { sharp, vips } = loadSharp().versions;
  return Object.freeze({
    hyperiqa: packageVersion,
    libtorch,
    sharp,
    libvips: vips,
    node: process.versions.node,
  });
}

/** Identity of the model in a result. */
export function identityOf(model: Omit<ModelIdentity, 'trainedOn'> & { training: { dataset: string } }): ModelIdentity {
  const { name, version, sha256, weightsSha256, training } = model;
  return Object.freeze({ name, version, sha256, weightsSha256, trainedOn: training.dataset });
}

/** A function that makes the provenance of results from a scorer's info. */
export function provenanceOf(info: Info): (options: CheckedScoreOptions) => Provenance {
  const shared = {
    model: identityOf(info.model),
    device: Object.freeze(info.devices.map(({ id }) => id)) as string[],
    dtype: info.dtype,
    graphMode: info.graphMode,
    versions: info.versions,
  };
  return ({ protocol, seed, maxStandardError, maxCrops }) =>
    Object.freeze({
      ...shared,
      protocol,
      seed: seed.toString(),
      maxStandardError: maxStandardError ?? null,
      maxCrops: maxCrops ?? null,
    });
}
