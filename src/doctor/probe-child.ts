/**
 * The process that `probe.ts` starts: opens LibTorch and the addon, asks for CUDA, and on request loads the default
 * model. It tells which step it is at before it takes it, so that whoever waits knows what a crash was about.
 */
import { toHyperIQAError } from '../errors.js';
import type { ProbeMessage, ProbeStep, ProbeValues } from './probe.js';

const { libtorch, model } = JSON.parse(process.argv[2] ?? '{}') as { libtorch?: string; model?: boolean };

const send = (message: ProbeMessage) =>
  new Promise<void>((done) => {
    process.send?.(message, undefined, undefined, () => {
      done();
    });
  });

async function step<S extends ProbeStep>(name: S, work: () => Promise<ProbeValues[S]>): Promise<boolean> {
  await send({ step: name });
  try {
    await send({ step: name, value: await work() });
    return true;
  } catch (error) {
    const { code, message } = toHyperIQAError(error);
    await send({ step: name, error: { code, message } });
    return false;
  }
}

// Imported one by one: what is broken is to be found out, not to keep this process from starting.
if (model) {
  await step('sharp', async () => {
    const { loadSharp } = await import('../image/sharp.js');
    const { sharp, vips } = loadSharp().versions;
    return { sharp, libvips: vips };
  });
}
const loaded = await step('libtorch', async () => {
  const { loadBinding } = await import('../libtorch/addon.js');
  const { libtorch: found } = await loadBinding(libtorch === undefined ? {} : { libtorch });
  return found;
});
if (loaded) {
  await step('cuda', async () => {
    const { loadBinding } = await import('../libtorch/addon.js');
    return (await loadBinding()).binding.cudaReport();
  });
}
if (loaded && model) {
  await step('model', async () => {
    const { HyperIQA } = await import('../scoring/scorer.js');
    const { defaultModelPath } = await import('../model-file/shipped.js');
    // Runs on the processor and without a measurement: enough to show whether the installation is whole.
    await using iqa = await HyperIQA.load(defaultModelPath(), { device: 'cpu', graphMode: 'freeze' });
    const { model: metadata, selfCheck } = iqa.info;
    return { name: metadata.name, path: metadata.path, largestDifference: selfCheck?.largestDifference ?? 0 };
  });
}
process.disconnect();
