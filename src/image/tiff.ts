/** What has to be known of a TIFF beyond its pixels. */

const NEW_SUBFILE_TYPE = 254;

/**
 * Whether the first image of a TIFF is marked as a reduced version of another one (tag NewSubfileType, bit 0). Raw files
 * of many cameras are such TIFFs; a reader of the first image would score the preview in them.
 */
export function isPreviewFirst(file: Uint8Array): boolean {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const little = view.getUint16(0) === 0x4949;
  // BigTIFF (43) is not what cameras write.
  if (file.byteLength < 8 || view.getUint16(2, little) !== 42) return false;
  const directory = view.getUint32(4, little);
  if (directory + 2 > file.byteLength) return false;
  const entries = Math.min(view.getUint16(directory, little), Math.floor((file.byteLength - directory - 2) / 12));
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + entry * 12;
    if (view.getUint16(at, little) === NEW_SUBFILE_TYPE) return (view.getUint32(at + 8, little) & 1) === 1;
  }
  return false;
}
