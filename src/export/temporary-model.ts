/** A model file being made: written beside its destination, read back, and moved there when it is complete. */
import { dirname } from 'node:path';

import { HyperIQAError } from '../errors.js';
import { AtomicFile } from '../files/atomic-file.js';
import { makeFolder } from '../files/make-folder.js';
import { writing } from '../files/output-error.js';
import type { StoredMetadata } from '../model-file/metadata.js';
import { writeArchive } from './archive.js';
import { InputFile } from './input-file.js';
import type { Template } from './template.js';
import { readRecords } from './torch-zip.js';
import { weightsSha256, type Weights } from './weights.js';

const cannotWrite = (destination: string) => `The model file ${destination} cannot be written`;

const METADATA_RECORD = 'archive/extra/hyperiqa.json';

/** A file that goes unless it is moved to where it belongs. */
export class TemporaryModel implements AsyncDisposable {
  private constructor(
    private readonly file: AtomicFile,
    private readonly destination: string,
  ) {}

  /** @throws HyperIQAError ERR_OUTPUT, also where the destination is there and no regular file */
  static async create(destination: string): Promise<TemporaryModel> {
    return writing(cannotWrite(destination), async () => {
      await makeFolder(dirname(destination));
      return new TemporaryModel(await AtomicFile.create(destination), destination);
    });
  }

  /**
   * Finds out whether a file can be written there, before the work on it begins.
   *
   * @throws HyperIQAError ERR_OUTPUT
   */
  static async probe(destination: string): Promise<void> {
    const probe = await TemporaryModel.create(destination);
    await probe[Symbol.asyncDispose]();
  }

  /** Path of the file until it is published. */
  get path(): string {
    return this.file.path;
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
    metadata: StoredMetadata,
    report: (done: number, total: number) => void,
  ): Promise<void> {
    const filled = new Map(template.records);
    for (const { name, record } of template.tensors) filled.set(record, weights.get(name) ?? Buffer.alloc(0));
    filled.set(METADATA_RECORD, Buffer.from(JSON.stringify(metadata, null, 2)));
    const records = [...filled].map(([name, bytes]) => ({ name, bytes }));
    const total = records.reduce((sum, { bytes }) => sum + bytes.length, 0);
    let done = 0;
    await writing(cannotWrite(this.destination), async () => {
      await writeArchive(this.file.handle, records, (bytes) => {
        done += bytes;
        report(done, total);
      });
      // Some file systems report a full disk only now.
      await this.file.handle.sync();
    });
  }

  /**
   * Reads the weights back. LibTorch does not compare the checksums of an archive.
   *
   * @throws HyperIQAError ERR_OUTPUT where they are not those of the metadata
   */
  async verify(template: Template, metadata: StoredMetadata): Promise<void> {
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
    await writing(cannotWrite(this.destination), () => this.file.publish());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.file[Symbol.asyncDispose]();
  }
}
