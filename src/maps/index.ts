/**
 * The public API of quality maps: `hyperiqa/maps`.
 *
 * @module hyperiqa/maps
 */
export { mapColors } from './colors.js';
export { qualityMap } from './map.js';
export { mapPicture } from './picture.js';
export type * from './types.js';
