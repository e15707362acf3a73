/** The pictures of the report. */
import * as Plot from '@observablehq/plot';
import { colour, dots, draw, predictorColour, type LegendKey } from './canvas.js';
import type { Markup } from './html.js';
import type { ReportModel, ReportPredictor } from './types.js';

/** A picture in the page. */
export interface Plotted {
  name: string;
  title: string;
  /** Description of the picture, for all readers, and of the way it was drawn. */
  caption: string;
  svg: Markup;
  /** Image of each dot, for each set of dots in order. */
  images: number[][];
  legend: LegendKey[];
}

/** An image with a human score and a score. */
interface Point {
  image: number;
  mos: number;
  score: number;
}

const pointsOf = (model: ReportModel, predictor: ReportPredictor): Point[] =>
  model.images.flatMap(({ mos, scores }, image) => {
    const score = scores[predictor.index] ?? null;
    return mos === null || score === null ? [] : [{ image, mos, score }];
  });

const slug = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase() || 'predictor';

/** All pictures, in the order of the page. */
export function plotsOf(model: ReportModel): Plotted[] {
  const names = new Map<string, number>();
  /** File names that no two pictures share, also where two predictors differ in a sign only. */
  const unique = (plot: Plotted): Plotted => {
    const seen = names.get(plot.name) ?? 0;
    names.set(plot.name, seen + 1);
    return seen === 0 ? plot : { ...plot, name: `${plot.name}-${seen + 1}` };
  };
  const rated = model.evaluation !== undefined;
  return [
    ...(rated ? [sorted(model)] : []),
    ...model.predictors.flatMap((predictor) => [
      ...(rated ? [scatter(model, predictor), residuals(model, predictor)] : []),
      histogram(model, predictor),
    ]),
  ]
    .flatMap((plot) => plot ?? [])
    .map(unique);
}

function histogram(model: ReportModel, predictor: ReportPredictor): Plotted | undefined {
  const scores = model.images.flatMap(({ scores }) => scores[predictor.index] ?? []);
  if (scores.length === 0) return undefined;
  const title = `Scores of ${predictor.name}`;
  const svg = draw(
    {
      height: 300,
      x: { label: `${predictor.name} (${predictor.higherIsBetter ? 'higher' : 'lower'} is better)` },
      // Counts are whole.
      y: { label: 'images', grid: true, tickFormat: (count: number) => (Number.isInteger(count) ? String(count) : '') },
      marks: [
        Plot.rectY(scores, {
          ...Plot.binX(
            { y: 'count' },
            { x: Plot.identity, thresholds: Math.min(40, Math.ceil(2 * Math.sqrt(scores.length))) },
          ),
          fill: predictorColour(predictor.index),
        }),
        Plot.ruleY([0], { stroke: colour('ink') }),
      ],
    },
    title,
  );
  const sorted = Float64Array.from(scores).sort();
  const at = (share: number) => short(sorted[Math.round(share * (sorted.length - 1))] ?? NaN);
  return {
    ...{ name: `histogram-${slug(predictor.name)}`, title, svg, images: [], legend: [] },
    caption: `${scores.length} images; half of the scores lie between ${at(0.25)} and ${at(0.75)}, the median is ${at(0.5)}.`,
  };
}

function scatter(model: ReportModel, predictor: ReportPredictor): Plotted | undefined {
  const points = pointsOf(model, predictor);
  if (points.length === 0) return undefined;
  const { fitted, rmse } = predictor;
  const title = `Human scores against ${predictor.name}`;
  const curve = fitted ? curveOf(points, fitted) : [];
  const reach = 1.96 * (rmse ?? 0);
  const ink = predictorColour(predictor.index);
  const svg = draw(
    {
      grid: true,
      x: { label: predictor.name, nice: true },
      y: { label: humanLabel(model), nice: true },
      marks: [
        ...(curve.length > 0
          ? [
              Plot.areaY(curve, {
                x: 'score',
                y1: (point: CurvePoint) => point.mos - reach,
                y2: (point: CurvePoint) => point.mos + reach,
                fill: colour('human'),
                fillOpacity: 0.18,
              }),
            ]
          : []),
        dots(points, { x: ({ score }) => score, y: ({ mos }) => mos, stroke: ink }),
        ...(curve.length > 0
          ? [Plot.line(curve, { x: 'score', y: 'mos', stroke: colour('ink'), strokeWidth: 2 })]
          : []),
      ],
    },
    title,
  );
  const overall = model.evaluation?.predictors[predictor.index]?.overall;
  const figures = overall
    ? `SRCC ${short(overall.raw.srcc)}, PLCC ${short(overall.raw.plcc)} raw and ${short(overall.fitted.plcc)} after the fit.`
    : '';
  return {
    ...{ name: `scatter-${slug(predictor.name)}`, title, svg, images: [points.map(({ image }) => image)], legend: [] },
    caption:
      `Each dot is an image (${points.length}). ${figures} ` +
      (fitted
        ? `Line: ${overall?.fit.model ?? ''} fit; band: ±1.96 RMSE around it (RMSE ${short(rmse)}), in which 95 % of the ` +
          'images lie if the errors are normal.'
        : 'There is no fit.'),
  };
}

interface CurvePoint {
  score: number;
  mos: number;
}

/** The fit at 200 places from the smallest to the largest score. */
function curveOf(points: readonly Point[], fitted: (score: number) => number): CurvePoint[] {
  let [low, high] = [Infinity, -Infinity];
  for (const { score } of points) {
    low = Math.min(low, score);
    high = Math.max(high, score);
  }
  return Array.from({ length: 201 }, (_, i) => {
    const score = low + ((high - low) * i) / 200;
    return { score, mos: fitted(score) };
  });
}

function residuals(model: ReportModel, predictor: ReportPredictor): Plotted | undefined {
  const { comparable } = predictor;
  const points = pointsOf(model, predictor);
  if (comparable === undefined || points.length === 0) return undefined;
  const gaps = points.map(({ image, mos, score }) => ({ image, mos, gap: comparable(score) - mos }));
  const title = `Gap between ${predictor.name} and human scores`;
  const svg = draw(
    {
      grid: true,
      x: { label: humanLabel(model), nice: true },
      y: { label: `${predictor.mapped ? 'mapped ' : ''}score − human score`, nice: true },
      marks: [
        dots(gaps, { x: ({ mos }) => mos, y: ({ gap }) => gap, stroke: predictorColour(predictor.index) }),
        Plot.ruleY([0], { stroke: colour('ink'), strokeDasharray: '4 3' }),
        ...(gaps.length > 2
          ? [
              Plot.linearRegressionY(gaps, {
                x: 'mos',
                y: 'gap',
                stroke: colour('ink'),
                fill: colour('human'),
                strokeWidth: 2,
              }),
            ]
          : []),
      ],
    },
    title,
  );
  const overall = model.evaluation?.predictors[predictor.index]?.overall;
  const slope = predictor.mapped ? overall?.gapSlope.scaled : overall?.gapSlope.raw;
  const bounds = slope?.interval ? ` (${short(slope.interval.lower)} to ${short(slope.interval.upper)})` : '';
  return {
    ...{ name: `residuals-${slug(predictor.name)}`, title, svg, images: [gaps.map(({ image }) => image)], legend: [] },
    caption:
      `Above the dashed line the predictor is kinder than people, below it harsher. ${mappingNote(model, [predictor])}` +
      `Line: regression with its 95 % band; the gap changes by ${short(slope?.value)}${bounds} per point of the human score.`,
  };
}

/** The picture of the study: images in the order of their human scores, with all scores above each other. */
function sorted(model: ReportModel): Plotted | undefined {
  const order = model.images
    .flatMap(({ mos }, image) => (mos === null ? [] : [{ image, mos }]))
    .sort((a, b) => a.mos - b.mos);
  const shown = model.predictors.filter(({ comparable }) => comparable !== undefined).slice(0, 3);
  if (order.length === 0 || shown.length === 0) return undefined;
  const places = shown.map((predictor) =>
    order.flatMap(({ image }, place) => {
      const score = model.images[image]?.scores[predictor.index] ?? null;
      return score === null ? [] : [{ image, place: place + 1, score: predictor.comparable?.(score) ?? NaN }];
    }),
  );
  const ranked = order.map(({ mos }, place) => ({ place: place + 1, mos }));
  const title = 'Images sorted by human score';
  // Few images are bars.
  const curve = ranked.length > 300 ? 'linear' : 'step';
  const lowest = [...places.flat().map(({ score }) => score), order[0]?.mos ?? 0].reduce((a, b) => Math.min(a, b), 0);
  const svg = draw(
    {
      width: 1240,
      grid: true,
      x: { label: 'images, from the worst to the best by human score', ticks: Math.min(10, order.length - 1) },
      y: { label: humanLabel(model), nice: true },
      marks: [
        Plot.areaY(ranked, {
          ...{ x: 'place', y1: lowest, y2: 'mos', fill: colour('human'), fillOpacity: 0.35 },
          curve,
        }),
        ...places.map((points, i) =>
          dots(points, {
            x: ({ place }) => place,
            y: ({ score }) => score,
            stroke: predictorColour(shown[i]?.index ?? 0),
          }),
        ),
        Plot.line(ranked, { x: 'place', y: 'mos', stroke: colour('ink'), strokeWidth: 2, curve }),
      ],
    },
    title,
  );
  const left = model.predictors.length - shown.length;
  return {
    ...{ name: 'sorted', title, svg },
    caption:
      `Grey, with the dark line: human scores in ascending order. Dots: the scores of the same images. ${mappingNote(model, shown)}` +
      (left > 0 ? `${left} further ${left === 1 ? 'predictor is' : 'predictors are'} left out here.` : ''),
    images: places.map((points) => points.map(({ image }) => image)),
    legend: [
      { label: model.evaluation?.humanScores.column ?? 'human score', colour: colour('human') },
      ...shown.map(({ name, index }) => ({ label: name, colour: predictorColour(index) })),
    ],
  };
}

/** Names the scores that are drawn mapped. */
function mappingNote({ evaluation }: ReportModel, predictors: readonly ReportPredictor[]): string {
  const mapped = predictors.filter((predictor) => predictor.mapped);
  if (mapped.length === 0) return '';
  const ends = mapped.every(({ index }) => evaluation?.predictors[index]?.linearMap?.method === 'scale-ends');
  const how = ends ? 'by the ends of both scales' : 'by least squares';
  return `${mapped.map(({ name }) => name).join(' and ')}: mapped linearly to the human scale ${how}. `;
}

function humanLabel({ evaluation }: ReportModel): string {
  const human = evaluation?.humanScores;
  return human ? `${human.column} (${human.higherIsBetter ? 'higher' : 'lower'} is better)` : 'human score';
}

/** A number as captions have it. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return 'undefined';
  const size = Math.abs(value);
  // Rounding errors around 0 have no sign.
  if (size < 5e-4) return size === 0 || size < 1e-9 ? '0' : value.toExponential(1);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(3);
}
