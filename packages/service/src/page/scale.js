/** Scores in words. */

/** Words for scores, best first: the share of the scale from which each applies, and the look of such photographs. */
const WORDS = [
  [0.85, 'excellent', 'No fault to be seen: sharp, clean, full of detail.'],
  [0.7, 'good', 'Slight noise, softness or compression, or much smooth or dark area.'],
  [0.5, 'fair', 'Faults that are seen: noise, compression, slight blur or over-sharpening.'],
  [0.3, 'poor', 'Annoying faults: clear blur, strong noise, or strong faults of contrast or colour.'],
  [-Infinity, 'bad', 'Very annoying faults: heavy blur, blocks of compression, or heavily wrong colours.'],
];

/** Place of a score on its scale, from 0 (worst) to 1 (best). */
export function shareOf(score, { minimum, maximum, higherIsBetter }) {
  const share = Math.min(1, Math.max(0, (score - minimum) / (maximum - minimum)));
  return higherIsBetter ? share : 1 - share;
}

/** A word for a score, and what it means. */
export function verdictOf(score, scale) {
  const share = shareOf(score, scale);
  const [, word, meaning] = WORDS.find(([from]) => share >= from);
  return { word, meaning };
}

export const shown = (score) => score.toFixed(1);

/** Describes the scale in a sentence. */
export const explained = ({ minimum, maximum, higherIsBetter }) =>
  `Each photograph gets a score from ${minimum} to ${maximum} for its technical quality; ` +
  `${higherIsBetter ? maximum : minimum} is best.`;
