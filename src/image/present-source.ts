/** An input that has been claimed, and the inputs whose data are in memory already. */
import { types } from 'node:util';

import { HyperIQAError } from '../errors.js';
import type { RawImage } from '../types.js';
import { checkByteLimit } from './limits.js';

/** An input that has been taken hold of. */
export interface Source {
  /** Name in messages: the path, or a description. */
  label: string;
  /** The bytes come from elsewhere (streams, Blobs): they are to be collected before there is anything to read. */
  arrives: boolean;
  /** Collects what arrives. */
  arrived(): Promise<void>;
  /** The bytes, once: they are not kept here. Files are opened only now, so that waiting calls hold no file. */
  read(): Promise<Uint8Array | RawImage>;
  /** Calls back when what is to arrive breaks off, also while it waits to be collected. */
  onBroken(tell: (error: HyperIQAError) => void): void;
  /** Gives up what is being collected or read. */
  cancel(): void;
}

/** A source that is here, or can be read at any time. */
export const PRESENT = { arrives: false, arrived: () => Promise.resolve(), onBroken: () => undefined } as const;

export function readySource(content: Uint8Array | RawImage, label: string): Source {
  let kept: Uint8Array | RawImage | undefined = content;
  return {
    ...PRESENT,
    label,
    read: () => {
      const handedOver = kept;
      kept = undefined;
      if (handedOver !== undefined) return Promise.resolve(handedOver);
      return Promise.reject(new HyperIQAError('ERR_INTERNAL', `${label} was read twice, or given up.`));
    },
    cancel: () => {
      kept = undefined;
    },
  };
}

/** @throws HyperIQAError ERR_IMAGE_TOO_LARGE */
export function memorySource(bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer, limitInputBytes: number): Source {
  const label = `The image in memory (${bytes.byteLength} bytes)`;
  checkByteLimit(bytes.byteLength, limitInputBytes, label);
  // new Uint8Array(typed array) copies the elements, also out of shared memory; of a buffer it would make a view.
  return readySource(new Uint8Array(types.isAnyArrayBuffer(bytes) ? new Uint8Array(bytes) : bytes), label);
}
