/** Recognises the accepted image formats by content, never by name. See docs/images.md. */

/** A format that is read. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'avif' | 'tiff' | 'gif' | 'bmp';

/** File name endings (lower case, with the dot) of the accepted formats: for choosing files in folders only. */
export const imageExtensions: readonly string[] = Object.freeze([
  '.jpg',
  '.jpeg',
  '.jpe',
  '.jfif',
  '.png',
  '.webp',
  '.avif',
  '.tif',
  '.tiff',
  '.gif',
  '.bmp',
  '.dib',
]);

/** List of the formats for messages. */
export const ACCEPTED = 'JPEG, PNG, WebP, AVIF, TIFF, GIF and BMP';

/** Number of bytes that decide the format, at most; with fewer, `sniffFormat` gives the same only for a whole file. */
export const SNIFF_BYTES = 64;

/** Sizes of the headers that BMP has had, from BITMAPCOREHEADER to V5. */
const BMP_HEADERS = [12, 40, 52, 56, 64, 108, 124];

/** The format of an encoded image by its first bytes, or what it seems to be instead (null: no idea). */
export function sniffFormat(bytes: Uint8Array): { format: ImageFormat } | { format: null; looksLike: string | null } {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, SNIFF_BYTES)).toString('latin1');
  const brand = head.slice(4, 8) === 'ftyp' ? isoBrands(head) : [];
  const format = accepted(head, brand);
  return format === null ? { format, looksLike: refused(head, brand) } : { format };
}

function accepted(head: string, brands: string[]): ImageFormat | null {
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'webp';
  if (brands.includes('avif') || brands.includes('avis')) return 'avif';
  // Canon's first raw format is a TIFF with a mark of its own; what a TIFF reader finds in it is a small preview.
  if (/^(II[*+]\0|MM\0[*+])/.test(head) && head.slice(8, 10) !== 'CR') return 'tiff';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif';
  // The size of the second header is part of the mark: two letters alone begin many a text.
  if (head.startsWith('BM') && BMP_HEADERS.includes(head.charCodeAt(14)) && head.slice(15, 18) === '\0\0\0')
    return 'bmp';
  return null;
}

/** Formats that people take for accepted ones: the message then says what it is. */
function refused(head: string, brands: string[]): string | null {
  if (/^\s*(\xef\xbb\xbf)?\s*<(\?xml|svg|!DOCTYPE svg|!--)/i.test(head)) return 'SVG or other XML';
  if (/^\s*<(!doctype html|html)/i.test(head)) return 'a web page (HTML)';
  if (head.startsWith('%PDF-')) return 'PDF';
  if (brands.some((brand) => ['heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'mif1', 'msf1'].includes(brand))) {
    return 'HEIC';
  }
  if (brands.length > 0) return 'a video or another ISO media file';
  if (head.startsWith('\0\0\0\x0cJXL ') || head.startsWith('\xff\x0a')) return 'JPEG XL';
  if (head.startsWith('\0\0\0\x0cjP  ') || head.startsWith('\xff\x4f\xff\x51')) return 'JPEG 2000';
  if (/^(II[*]\0)....CR/s.test(head)) return 'a Canon raw file';
  if (/^P[1-7]\s/.test(head)) return 'PNM';
  if (head.startsWith('8BPS')) return 'Photoshop';
  if (head.startsWith('\0\0\x01\0')) return 'an icon (ICO)';
  if (head.startsWith('PK\x03\x04')) return 'a ZIP archive';
  if (head.startsWith('\x1f\x8b')) return 'gzip data';
  return null;
}

/** Major and compatible brands of an ISO base media file. */
function isoBrands(head: string): string[] {
  const size = (head.charCodeAt(0) << 24) | (head.charCodeAt(1) << 16) | (head.charCodeAt(2) << 8) | head.charCodeAt(3);
  const brands = [head.slice(8, 12)];
  for (let at = 16; at + 4 <= Math.min(size, head.length); at += 4) brands.push(head.slice(at, at + 4));
  return brands;
}
