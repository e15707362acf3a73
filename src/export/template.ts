/** The template of a model file: everything but the weights, made by models/make_template.py. */
import { fileURLToPath } from 'node:url';
import { openPromise } from 'yauzl';

import { HyperIQAError } from '../errors.js';
import type { StoredMetadata } from '../model-file/metadata.js';
import type { CheckpointLayout } from './layouts.js';
import type { TemplateTensor } from './tensor.js';

/** `hyperiqa.json` with null for what an export fills in. */
export type TemplateMetadata = Omit<
  StoredMetadata,
  'name' | 'version' | 'licence' | 'weightsSha256' | 'sourceSha256' | 'selfCheck' | 'exporter'
> & { selfCheck: { scores: null; tolerance: number } };

export interface Template {
  backbone: string;
  /** Version of the PyTorch that scripted the graph. */
  torch: string;
  /** Tensors in the order of the state_dict. */
  tensors: TemplateTensor[];
  metadata: Record<CheckpointLayout, Partial<Record<string, TemplateMetadata>>>;
  /** The records of the archive in their order; those that an export fills in are empty. */
  records: ReadonlyMap<string, Buffer>;
}

const DESCRIPTION = 'template.json';

/** @throws HyperIQAError ERR_INTERNAL where the file is missing or is not one of this package */
export async function readTemplate(): Promise<Template> {
  const path = fileURLToPath(new URL('../../models/template-resnet50.zip', import.meta.url));
  try {
    const records = new Map<string, Buffer>();
    // Closes itself after the last entry.
    const archive = await openPromise(path);
    for await (const entry of archive.eachEntry()) {
      const stream = await archive.openReadStreamPromise(entry);
      records.set(entry.fileName, Buffer.concat(await stream.toArray()));
    }
    const description = JSON.parse(String(records.get(DESCRIPTION))) as Omit<Template, 'records'>;
    records.delete(DESCRIPTION);
    return { ...description, records };
  } catch (cause) {
    throw new HyperIQAError(
      'ERR_INTERNAL',
      `The template of model files ${path}, which came with hyperiqa, cannot be read: ${(cause as Error).message}. ` +
        'Reinstall hyperiqa.',
      { cause },
    );
  }
}
