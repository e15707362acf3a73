/** A model file being made: written beside its destination, read back, and moved there when it is complete. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { HyperIQAError } from '../errors.js';
import type { ModelMetadata } from '../types.js';
import { writeArchive } from './archive.js';
import { InputFile } from './file.js';
import type { Template } from './template.js';
import { readRecords } from './torch-zip.js';
import { weightsSha256, type Weights } from './weights.js';

const METADATA_RECORD = 'archive/extra/hyperiqa.json';

/** A file that goes unless it is moved to where it belongs. */
export class TemporaryModel implements AsyncDisposable {
  readonly path: string;
  #moved = false;

  constructor(private readonly destination: string) {
    this.path = join(dirname(destination), `.${basename(destination)}.${randomUUID().slice(0, 8)}.tmp`);
  }

  /**
   * Fills the template.
   *
   * @param report - Is told how many bytes of all are written; what it throws ends the work.
   * @throws HyperIQAError ERR_OUTPUT
   */
  async write(
    template: Template,
    weights: Weights,
    metadata: ModelMetadata,
    report: (done: number, total: number) => void,
  ): Promise<void> {
    const filled = new Map(template.records);
    for (const { name, record } of template.tensors) filled.set(record, weights.get(name) ?? Buffer.alloc(0));
    filled.set(METADATA_RECORD, Buffer.from(JSON.stringify(metadata, null, 2)));
    const records = [...filled].map(([name, bytes]) => ({ name, bytes }));
    const total = records.reduce((sum, { bytes }) => sum + bytes.length, 0);
    let done = 0;
    await this.#output(async () => {
      await mkdir(dirname(this.destination), { recursive: true });
      await using file = await open(this.path, 'wx', 0o644);
      await writeArchive(file, records, (bytes) => {
        done += bytes;
        report(done, total);
      });
      // Some file systems report a full disk only now.
      await file.sync();
    });
  }

  /**
   * Reads the weights back. LibTorch does not compare the checksums of an archive.
   *
   * @throws HyperIQAError ERR_OUTPUT where they are not those of the metadata
   */
  async verify(template: Template, metadata: ModelMetadata): Promise<void> {
    const weights = new Map<string, Buffer>();
    await using file = await InputFile.open(this.path);
    const records = await readRecords(file);
    for (const { name, record } of template.tensors) {
      const place = records.get(record);
      if (place) weights.set(name, await file.read(place.position, place.length));
    }
    if ((await weightsSha256(template.tensors, weights)) === metadata.weightsSha256) return;
    throw new HyperIQAError(
      'ERR_OUTPUT',
      `The weights in ${this.path} are not those that were written: the disk or the memory of this machine is at fault.`,
    );
  }

  /** @throws HyperIQAError ERR_OUTPUT */
  async publish(): Promise<void> {
    await this.#output(() => rename(this.path, this.destination));
    this.#moved = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What went wrong before is what the caller is to hear of.
    if (!this.#moved) await rm(this.path, { force: true }).catch(() => undefined);
  }

  async #output(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof HyperIQAError) throw error;
      throw new HyperIQAError(
        'ERR_OUTPUT',
        `The model file ${this.destination} cannot be written: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }
}
