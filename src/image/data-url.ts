/** Images inside data URLs (RFC 2397), in base64 or percent-encoded. */
import { HyperIQAError } from '../errors.js';
import { shorten } from '../support/shorten.js';
import { checkByteLimit } from './limits.js';

/** A text that is a data URL: a path of this form is as good as impossible. */
export function isDataUrl(text: string): boolean {
  return /^data:[^,/]*\/[^,]*,/i.test(text.slice(0, 1024)) || /^data:(?:;[^,]*)?,/i.test(text.slice(0, 1024));
}

/**
 * The bytes of a data URL. What they are is told by themselves, as with any other bytes, and not by the URL.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT for broken encoding, ERR_IMAGE_TOO_LARGE
 */
export function bytesOfDataUrl(url: string, limitInputBytes: number): { bytes: Uint8Array; label: string } {
  const comma = url.indexOf(',');
  const type = url.slice('data:'.length, comma);
  const label = `The image in a data URL (${shorten(type) || 'without a type'}, ${url.length} characters)`;
  const base64 = /;\s*base64\s*$/i.test(type);
  const body = url.slice(comma + 1);
  // Before anything is decoded: four characters of base64 are three bytes, and three of percent-encoding are one.
  const least = Math.floor(base64 ? (body.length - countOf(body, /%[0-9a-f]{2}|\s/gi)) * 0.75 - 2 : body.length / 3);
  checkByteLimit(least, limitInputBytes, label);
  const plain = body.includes('%') ? percentDecoded(body, label) : Buffer.from(body, 'utf8');
  const bytes = base64 ? base64Decoded(plain.toString('latin1').replace(/[\t\n\f\r ]/g, ''), label) : plain;
  checkByteLimit(bytes.byteLength, limitInputBytes, label);
  return { bytes, label };
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.join('').length ?? 0;
}

function percentDecoded(text: string, label: string): Buffer {
  const encoded = Buffer.from(text, 'utf8');
  const decoded = Buffer.allocUnsafeSlow(encoded.byteLength);
  let length = 0;
  for (let i = 0; i < encoded.byteLength; i++) {
    let byte = encoded[i] ?? 0;
    if (byte === PERCENT) {
      const digits = encoded.toString('latin1', i + 1, i + 3);
      if (!/^[0-9a-f]{2}$/i.test(digits)) throw broken(label, `after character ${i} it has a % without two digits`);
      byte = Number.parseInt(digits, 16);
      i += 2;
    }
    decoded[length++] = byte;
  }
  return decoded.subarray(0, length);
}

const PERCENT = 0x25;

function base64Decoded(text: string, label: string): Buffer {
  // Buffer.from leaves out what is no base64, and ends at a =.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw broken(label, 'its text is not base64');
  return Buffer.from(text, 'base64');
}

function broken(label: string, why: string): HyperIQAError {
  return new HyperIQAError('ERR_INVALID_ARGUMENT', `${label} is broken: ${why}.`);
}
