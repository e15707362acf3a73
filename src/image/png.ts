/** A PNG (W3C, third edition) without what does not decide its pixels and colours. */
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

/** Chunks that the decoder is shown; all critical ones are among them. APNG's further frames are not. */
const KEPT = new Set(
  ['IHDR', 'PLTE', 'IDAT', 'IEND', 'tRNS', 'gAMA', 'cHRM', 'sRGB', 'iCCP', 'cICP', 'sBIT', 'eXIf'].map((name) =>
    Buffer.from(name, 'latin1').readUInt32BE(),
  ),
);
const [ICCP, IEND] = ['iCCP', 'IEND'].map((name) => Buffer.from(name, 'latin1').readUInt32BE());

/** Length, type and CRC of a chunk. */
const FRAME_BYTES = 12;
const SIGNATURE_BYTES = 8;
/** Chunks looked at between two turns of the event loop. */
const CHUNKS_A_TURN = 1 << 15;

/** Largest colour profile that is looked at, inflated. Those of cameras and screens have kilobytes. */
const PROFILE_BYTES = 4 << 20;

/**
 * Closes the gaps that text and unknown chunks leave, in `file` itself: libpng would inflate compressed text (zTXt, iTXt),
 * up to gigabytes of it, and keep it. A profile (iCCP) that is too large when inflated, or broken, goes with them. Critical
 * chunks that no decoder knows stay, so that it refuses them; of every other kind the first stays, as many warnings would cost
 * memory, too.
 *
 * @param file - A whole file, which is changed.
 * @returns The part of `file` that is the PNG now, and what is missing of it where it is cut off.
 */
export async function preparePng(file: Uint8Array): Promise<{ bytes: Uint8Array; missing: string | null }> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let end = SIGNATURE_BYTES;
  const seen = new Set<number>();
  for (let at = SIGNATURE_BYTES, chunks = 0; at + FRAME_BYTES <= file.byteLength; chunks++) {
    if (chunks % CHUNKS_A_TURN === CHUNKS_A_TURN - 1) await setImmediate();
    const type = view.getUint32(at + 4);
    const next = at + view.getUint32(at) + FRAME_BYTES;
    // Bit 5 of a type's first byte: the chunk may be left out. Of those that are looked at only the first counts.
    const critical = (type & 0x20000000) === 0;
    let keep = critical || (KEPT.has(type) && !seen.has(type));
    if (keep) seen.add(type);
    if (keep && type === ICCP) keep = await isProfile(file.subarray(at + 8, Math.max(at + 8, next - 4)));
    if (keep) {
      if (end !== at) file.copyWithin(end, at, next);
      end += Math.min(next, file.byteLength) - at;
    }
    if (next > file.byteLength) {
      return { bytes: file.subarray(0, end), missing: `its chunk ${name(type)} at byte ${at} ends beyond the file` };
    }
    if (type === IEND) return { bytes: file.subarray(0, end), missing: null };
    at = next;
  }
  return { bytes: file.subarray(0, end), missing: 'its end mark is missing' };
}

const inflate = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(zlib.inflate);

/** Tests whether an iCCP chunk (name, a zero byte, the method, compressed data) can be inflated within the bound. */
async function isProfile(chunk: Uint8Array): Promise<boolean> {
  const compressed = chunk.subarray(chunk.indexOf(0) + 2);
  return inflate(compressed, { maxOutputLength: PROFILE_BYTES }).then(
    () => true,
    () => false,
  );
}

function name(type: number): string {
  return JSON.stringify(String.fromCharCode(type >>> 24, (type >> 16) & 255, (type >> 8) & 255, type & 255));
}
