/** The page and its pictures, without a browser. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compute } from '../../src/evaluation/compute.js';
import { assemble, prepare } from '../../src/evaluation/evaluate.js';
import { createReport, picturePng, type Report, type ReportInput, type ReportOptions } from '../../src/report/index.js';
import { errorWith } from '../../../../test/helpers/errors.js';
import { parse, type HtmlDocument } from './html.js';
import { readHumanScores, joinScores, readPredictions, type EvaluationOptions } from '../../src/evaluation/index.js';

const photos = 'examples/photos';
const scores = {
  'budgie-compressed.jpg': [27.4, 20, 30],
  'budgie.jpg': [86.1, 35, 80],
  'flower.jpg': [69.4, 30.5, 72],
  'hallway.jpg': [78.9, null, 60],
  'kitten-blurred.jpg': [18.8, 22, 21],
  'kitten.jpg': [77.9, 40, 75],
  'lake-noisy.jpg': [43.6, 31, 38],
  '<b>"lost"&.jpg': [50, 33, 55],
} as const;

async function input(
  predictions: string,
  mos: string | undefined,
  options: EvaluationOptions = {},
): Promise<ReportInput> {
  const read = await readPredictions(predictions.includes('\n') ? { name: 'p.csv', data: predictions } : predictions);
  if (mos === undefined) return { predictions: read };
  const data = joinScores(read, await readHumanScores(mos.includes('\n') ? { name: 'mos.csv', data: mos } : mos));
  const prepared = prepare(data, { replicates: 20, ...options });
  return { data, evaluation: assemble(data, prepared, compute(prepared.job)) };
}

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
const predictionsCsv = `file,Image_predic_score,Face_predic_score\n${Object.entries(scores)
  .map(([name, [whole, face]]) => `${quote(name)},${whole},${face ?? ''}\n`)
  .join('')}`;
const mosCsv = `image_name,MOS_zscore,MOS\n${Object.entries(scores)
  .map(([name, [, , mos]]) => `${quote(name)},${mos},${mos / 20}\n`)
  .join('')}`;

const page = ({ html }: Report) => parse(html);

let maps: string;
beforeAll(() => {
  maps = mkdtempSync(join(tmpdir(), 'hyperiqa-maps-'));
  copyFileSync(`${photos}/lake.jpg`, join(maps, 'kitten-map.jpg'));
});
afterAll(() => {
  rmSync(maps, { recursive: true });
});

describe('the study with two predictors', () => {
  let report: Report;
  let document: HtmlDocument;
  beforeAll(async () => {
    const options: ReportOptions = { images: photos, maps, gallery: 3, folder: 'examples', title: 'A & B <x>' };
    report = await createReport(await input(predictionsCsv, mosCsv), options);
    document = page(report);
  });

  test('refers to nothing outside but the images it links to', () => {
    const addresses = [...document.querySelectorAll('[src], [href]')].flatMap((element) =>
      ['src', 'href'].flatMap((name) => element.getAttribute(name) ?? []),
    );
    expect(addresses.length).toBeGreaterThan(5);
    expect(addresses.filter((address) => !/^(data:image\/webp;base64,|#|photos\/)/.test(address))).toEqual([]);
    expect(document.querySelectorAll('link, iframe, object, script[src]')).toHaveLength(0);
    expect(report.html).toContain("default-src 'none'");
    expect(report.html).not.toMatch(/@import|url\(/);
  });

  test('has every picture, with a title and a caption', () => {
    const titles = [...document.querySelectorAll('figure h3')].map(({ textContent }) => textContent);
    expect(titles).toEqual([
      'Images sorted by human score',
      'Human scores against Image_predic_score',
      'Gap between Image_predic_score and human scores',
      'Scores of Image_predic_score',
      'Human scores against Face_predic_score',
      'Gap between Face_predic_score and human scores',
      'Scores of Face_predic_score',
    ]);
    for (const svg of document.querySelectorAll('figure svg')) {
      expect(svg.getAttribute('role')).toBe('img');
      expect(svg.getAttribute('aria-label')).not.toBe('');
    }
    expect(document.querySelectorAll('figcaption')).toHaveLength(7);
  });

  test('each dot has its image', () => {
    const data = JSON.parse(document.getElementById('data')!.textContent) as {
      plots: number[][][];
      names: string[];
      mos: number[];
      scores: (number | null)[][];
    };
    expect(data.names).toEqual(Object.keys(scores));
    expect(data.scores[1]![3]).toBeNull();
    for (const [k, figure] of [...document.querySelectorAll('figure')].entries()) {
      const dots = [...figure.querySelectorAll('g.dots')].map((group) => group.innerHTML.split('M').length - 1);
      expect(dots).toEqual(data.plots[k]!.map((images) => images.length));
    }
    // Sorted by human score: the blurred kitten first, the budgie last.
    expect(data.plots[0]!.map((images) => images.length)).toEqual([8, 7]);
    expect(data.plots[0]![0]!.map((image) => data.mos[image])).toEqual([21, 30, 38, 55, 60, 72, 75, 80]);
  });

  test('the gallery has the best, worst and most disputed images with bounded thumbnails and maps', async () => {
    const gallery = document.querySelector('#gallery')!;
    expect([...gallery.querySelectorAll('h3')].map(({ textContent }) => textContent)).toEqual(
      ['Image_predic_score', 'Face_predic_score'].flatMap((name) => [
        `Best by ${name}`,
        `Worst by ${name}`,
        `Most disputed: ${name} is kinder than people`,
        `Most disputed: ${name} is harsher than people`,
      ]),
    );
    const lists = [...gallery.querySelectorAll('ul.cards')].map((list) =>
      [...list.querySelectorAll('.name')].map(({ textContent }) => textContent),
    );
    expect(lists[0]).toEqual(['budgie.jpg', 'hallway.jpg', 'kitten.jpg']);
    expect(lists[1]).toEqual(['kitten-blurred.jpg', 'budgie-compressed.jpg', 'lake-noisy.jpg']);
    expect(gallery.textContent).toContain('1 of the 8 images were not found');
    for (const image of gallery.querySelectorAll('img')) {
      const bytes = Buffer.from(image.getAttribute('src')!.replace(/^[^,]*,/, ''), 'base64');
      const { width, height, format } = await sharp(bytes).metadata();
      expect(format).toBe('webp');
      expect(width <= 320 && height <= 240).toBe(true);
    }
    expect(gallery.querySelectorAll('img[alt="Patch scores of kitten.jpg"]').length).toBeGreaterThan(0);
    expect(gallery.querySelector('a')!.getAttribute('href')).toBe('photos/budgie.jpg');
  });

  test('names are text, never markup', () => {
    expect(document.querySelector('title')!.textContent).toBe('A & B <x>');
    expect(report.html).not.toContain('<b>"lost"');
    expect(document.querySelectorAll('b')).toHaveLength(0);
  });

  test('figures, the choice of the column and provenance are there', () => {
    const rows = [...document.querySelectorAll('#metrics tbody tr')];
    expect(rows.map((row) => row.querySelector('th')!.textContent)).toEqual([
      'Image_predic_score',
      'Face_predic_score',
    ]);
    expect(rows[0]!.querySelectorAll('td')[2]!.getAttribute('data-value')).toMatch(/^0\.\d{6,}/);
    expect(document.querySelectorAll('#comparisons tbody tr')).toHaveLength(3);
    const origin = document.querySelector('#origin')!.textContent;
    expect(origin).toMatch(/mos\.csv, column MOS_zscore \(SHA-256 [0-9a-f]{64}\)/);
    expect(origin).toContain('replicates 20');
    expect(origin).toMatch(/hallway\.jpg, Face_predic_score: .*no-value/);
  });

  test('the pictures are whole SVG documents without variables, and can be PNG', async () => {
    expect(report.pictures.map(({ name }) => name)).toEqual([
      'sorted',
      'scatter-image-predic-score',
      'residuals-image-predic-score',
      'histogram-image-predic-score',
      'scatter-face-predic-score',
      'residuals-face-predic-score',
      'histogram-face-predic-score',
    ]);
    for (const picture of report.pictures) {
      expect(picture.svg).not.toContain('var(');
      const { width, height } = await sharp(await picturePng(picture)).metadata();
      expect(width).toBe(picture.name === 'sorted' ? 2480 : 1440);
      expect(height).toBeGreaterThan(600);
    }
    expect(report.pictures[0]!.svg).toContain('>Face_predic_score</text>');
  });
});

test('10,073 images: few elements, however many dots', async () => {
  const koniq = 'packages/evaluation/test/metrics/fixtures/koniq.csv';
  const given = await input(koniq, koniq, { replicates: 0, compare: false, groupBy: 'split' });
  const report = await createReport(given);
  const document = page(report);
  expect(report.html.length).toBeLessThan(4_000_000);
  expect(document.querySelectorAll('*').length).toBeLessThan(3000);
  expect(document.querySelectorAll('#metrics tbody tr')).toHaveLength(8);
  expect(document.querySelector('.warnings')!.textContent).toContain('WARN_SPLIT_GAP');
  // Scores of 0 to 1 beside human scores of 0 to 100 are mapped, and said to be.
  expect(document.querySelector('figcaption')!.textContent).toContain('hyperiqa and brisque: mapped linearly');
});

test('without human scores: histogram and gallery', async () => {
  const report = await createReport(await input(predictionsCsv, undefined), { images: photos, gallery: 2 });
  const document = page(report);
  expect(report.pictures.map(({ name }) => name)).toEqual([
    'histogram-image-predic-score',
    'histogram-face-predic-score',
  ]);
  expect(document.querySelectorAll('#gallery h3')).toHaveLength(4);
  expect(document.querySelector('#figures')).toBeNull();
});

test('undefined figures, one image, and an image that cannot be read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-report-'));
  writeFileSync(join(folder, 'a.jpg'), 'no image');
  const report = await createReport(await input('file,score\na.jpg,1\n', 'image_name,MOS\na.jpg,2\n'), {
    images: folder,
  });
  rmSync(folder, { recursive: true });
  const document = page(report);
  expect(document.querySelector('#metrics td.undefined')!.getAttribute('title')).toBe('too-few');
  expect(document.querySelector('.verdict')!.textContent).toContain('no defined correlation');
  expect(document.querySelector('.missing')!.textContent).toContain('cannot be shown');
  expect(report.html).not.toContain('NaN');
});

test('options are checked', async () => {
  const given = await input('file,score\na.jpg,1\n', undefined);
  const refused = (options: object, message: RegExp) =>
    expect(createReport(given, options)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', message));
  await refused({ gallery: 101 }, /gallery/);
  await refused({ images: 'nowhere' }, /nowhere cannot be searched/);
  await refused({ titel: 'x' }, /no field "titel"/);
  await expect(createReport(given, { signal: AbortSignal.abort() })).rejects.toEqual(errorWith('ERR_ABORTED'));
});
