/** The gallery: which images are worth a look, and their thumbnails. */
import { loadSharp } from 'hyperiqa/add-on';
import { short } from './plots.js';
import type { ReportModel, ReportPredictor } from './types.js';

/** A list of images. */
export interface Sheet {
  title: string;
  note: string;
  cards: Card[];
}

interface Card {
  /** Its place among the images of the report. */
  image: number;
  /** Scores in words. */
  text: string;
  /** Data URLs; null where there is no picture. */
  thumbnail: string | null;
  map: string | null;
  /** Reason for which an existing image cannot be shown. */
  missing: string;
}

interface Chosen {
  image: number;
  score: number;
}

/** Predictors that get sheets of their own; more would make a page that nobody reads. */
const MOST_PREDICTORS = 2;

/** @param count - Of images in a list. */
export async function galleryOf(
  model: ReportModel,
  count: number,
  mapOf: (name: string) => string | undefined,
  signal: AbortSignal | undefined,
): Promise<Sheet[]> {
  const sheets: Sheet[] = [];
  if (count === 0) return sheets;
  const pictures = new Pictures(model, mapOf);
  for (const predictor of model.predictors.slice(0, MOST_PREDICTORS)) {
    for (const { title, note, chosen } of listsOf(model, predictor, count)) {
      const cards = [];
      for (const { image, score } of chosen) {
        signal?.throwIfAborted();
        cards.push({ image, text: cardText(model, predictor, image, score), ...(await pictures.of(image)) });
      }
      if (cards.length > 0) sheets.push({ title, note, cards });
    }
  }
  return sheets;
}

function listsOf(model: ReportModel, predictor: ReportPredictor, count: number) {
  const { name, higherIsBetter, fitted } = predictor;
  const scored = model.images.flatMap(({ scores }, image): Chosen[] => {
    const score = scores[predictor.index] ?? null;
    return score === null ? [] : [{ image, score }];
  });
  const sign = higherIsBetter ? 1 : -1;
  const best = [...scored].sort((a, b) => sign * (b.score - a.score));
  // If there are few images, half of them count as the best.
  const most = Math.min(count, Math.ceil(best.length / 2));
  const lists = [{ title: `Best by ${name}`, note: 'The highest predicted quality.', chosen: best.slice(0, most) }];
  const rest = best.slice(most);
  if (rest.length > 0) {
    const chosen = rest.slice(-count).reverse();
    lists.push({ title: `Worst by ${name}`, note: 'The lowest predicted quality, the worst first.', chosen });
  }
  if (fitted === undefined) return lists;
  // After the fit, so that a difference of scales is no dispute. A DMOS counts in the other direction.
  const up = model.evaluation?.humanScores.higherIsBetter === false ? -1 : 1;
  const gaps = scored
    .flatMap(({ image, score }) => {
      const mos = model.images[image]?.mos ?? null;
      return mos === null ? [] : [{ image, score, gap: up * (fitted(score) - mos) }];
    })
    .sort((a, b) => b.gap - a.gap);
  return [
    ...lists,
    {
      title: `Most disputed: ${name} is kinder than people`,
      note: 'The largest gap between fitted prediction and human score.',
      chosen: gaps.filter(({ gap }) => gap > 0).slice(0, count),
    },
    {
      title: `Most disputed: ${name} is harsher than people`,
      note: 'The largest gap in the other direction.',
      chosen: gaps
        .filter(({ gap }) => gap < 0)
        .slice(-count)
        .reverse(),
    },
  ];
}

function cardText(model: ReportModel, predictor: ReportPredictor, image: number, score: number): string {
  const mos = model.images[image]?.mos ?? null;
  const own = `${predictor.name} ${short(score)}`;
  if (mos === null) return own;
  const fitted = predictor.fitted ? ` (fitted ${short(predictor.fitted(score))})` : '';
  return `${own}${fitted}, ${model.evaluation?.humanScores.column ?? 'human'} ${short(mos)}`;
}

/** Thumbnails, each made once. */
class Pictures {
  readonly #made = new Map<number, Promise<Omit<Card, 'image' | 'text'>>>();

  constructor(
    private readonly model: ReportModel,
    private readonly mapOf: (name: string) => string | undefined,
  ) {}

  of(image: number): Promise<Omit<Card, 'image' | 'text'>> {
    const made = this.#made.get(image) ?? this.#make(image);
    this.#made.set(image, made);
    return made;
  }

  async #make(image: number): Promise<Omit<Card, 'image' | 'text'>> {
    const { name = '', path = null } = this.model.images[image] ?? {};
    const map = this.mapOf(name);
    try {
      return {
        thumbnail: path === null ? null : await thumbnail(path),
        map: map === undefined ? null : await thumbnail(map).catch(() => null),
        missing: '',
      };
    } catch (error) {
      return { thumbnail: null, map: null, missing: `The image cannot be shown: ${(error as Error).message}` };
    }
  }
}

/** A WebP of some 10 kB as a data URL, whatever the size of the image. */
async function thumbnail(path: string): Promise<string> {
  const data = await loadSharp()(path, { failOn: 'none' })
    .rotate()
    .resize({ width: 320, height: 240, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .webp({ quality: 72 })
    .toBuffer();
  return `data:image/webp;base64,${data.toString('base64')}`;
}
