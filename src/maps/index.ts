/**
 * The public API of quality maps: `hyperiqa/maps`.
 *
 * @module hyperiqa/maps
 */
export { qualityMap } from './map.js';
export { mapColors, mapPicture } from './picture.js';
export type * from './types.js';
