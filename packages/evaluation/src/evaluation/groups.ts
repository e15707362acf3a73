/** Columns by which images are grouped: those of the tables, and those that names and known splits tell. */
import { HyperIQAError } from 'hyperiqa/add-on';
import { koniqSplit } from './koniq-split.js';
import { stem } from './names.js';
import { listed, normal } from './cells.js';
import type { RatedImage, RatedImages } from './types.js';

/** Distortion types of TID2013, from 1 (Ponomarenko et al. 2015, table 2). */
const tid2013 = [
  'Additive Gaussian noise',
  'Noise in color components',
  'Spatially correlated noise',
  'Masked noise',
  'High frequency noise',
  'Impulse noise',
  'Quantization noise',
  'Gaussian blur',
  'Image denoising',
  'JPEG compression',
  'JPEG2000 compression',
  'JPEG transmission errors',
  'JPEG2000 transmission errors',
  'Non eccentricity pattern noise',
  'Local block-wise distortions',
  'Mean shift',
  'Contrast change',
  'Change of color saturation',
  'Multiplicative Gaussian noise',
  'Comfort noise',
  'Lossy compression of noisy images',
  'Color quantization with dither',
  'Chromatic aberrations',
  'Sparse sampling and reconstruction',
];

/** Distortion types of KADID-10k, from 1 (Lin, Hosu, Saupe 2019). */
const kadid10k = [
  'Gaussian blur',
  'Lens blur',
  'Motion blur',
  'Color diffusion',
  'Color shift',
  'Color quantization',
  'Color saturation 1',
  'Color saturation 2',
  'JPEG2000',
  'JPEG',
  'White noise',
  'White noise in color component',
  'Impulse noise',
  'Multiplicative noise',
  'Denoise',
  'Brighten',
  'Darken',
  'Mean shift',
  'Jitter',
  'Non-eccentricity patch',
  'Pixelate',
  'Quantization',
  'Color block',
  'High sharpen',
  'Contrast change',
];

/** `I01_05_3`: reference 1, distortion type 5, level 3, as TID2013 (one digit) and KADID-10k (two) name their images. */
function parts(file: string): { reference: string; type: number; kadid: boolean } | undefined {
  const [, reference, type, level] = /^(i\d\d)_(\d\d)_(\d\d?)$/i.exec(stem(file)) ?? [];
  if (reference === undefined) return undefined;
  return { reference: reference.toUpperCase(), type: Number(type), kadid: level?.length === 2 };
}

/** Groups derived from file names, without a column. */
const derived = new Map<string, (image: RatedImage) => string | undefined>([
  ['split', (image) => koniqSplit(image.humanFile)],
  ['reference', (image) => parts(image.humanFile)?.reference],
  [
    'distortion',
    (image) => {
      const found = parts(image.humanFile);
      return found && (found.kadid ? kadid10k : tid2013)[found.type - 1];
    },
  ],
]);

/** Name of the group of images whose cell is empty. */
const noGroup = '(none)';

/**
 * Lists the group of each image.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT if neither a column nor the names determine it
 */
export function groupsOf({ images }: Pick<RatedImages, 'images'>, column: string): string[] {
  const present = new Set<string>();
  for (const { fields } of images) for (const name of Object.keys(fields)) present.add(name);
  const name = present.has(column) ? column : [...present].find((one) => normal(one) === normal(column));
  const derive = derived.get(column);
  if (name === undefined && derive !== undefined) {
    const labels = images.map((image) => derive(image) ?? '');
    if (labels.some((label) => label !== '')) return labels.map((label) => label || noGroup);
  }
  if (name === undefined) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `There is no column ${column} to group by${derive ? ', and the names do not tell it' : ''}; there are ` +
        `${listed([...present].filter((one) => !one.startsWith('provenance.')))}.`,
    );
  }
  return images.map(({ fields }) => {
    const cell = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return cell === undefined || cell === '' ? noGroup : cell;
  });
}

/** Default unit of resampling: the versions of a reference image if the data set has such, else null for images. */
export function defaultResampling({ human, images }: RatedImages): string | null {
  if (human.dataset === 'kadid10k') return 'ref_img';
  return images.every((image) => parts(image.humanFile) !== undefined) ? 'reference' : null;
}

const collator = new Intl.Collator('en', { numeric: true });

/** Group names in a useful order: numbers by value, else as text. */
export function groupNames(labels: readonly string[]): string[] {
  return [...new Set(labels)].sort((a, b) => collator.compare(a, b));
}
