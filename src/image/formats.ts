/** Which image formats are accepted, told by content. */

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
