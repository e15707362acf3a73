/** The page: HTML with everything in it. */
import { readFileSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import {
  datasetTitle,
  droppedByReason,
  type Bounds,
  type DroppedRow,
  type Estimate,
  type Evaluation,
  type FigureName,
  type GroupResult,
} from '../evaluation/index.js';
import { colours } from './canvas.js';
import type { Sheet } from './gallery.js';
import { html, jsonMarkup, Markup, type Content } from './html.js';
import { short, type Plotted } from './plots.js';
import type { ReportInput, ReportModel } from './types.js';

/** Parts of the page. */
export interface PageParts {
  title: string;
  model: ReportModel;
  plots: readonly Plotted[];
  sheets: readonly Sheet[];
  /** Links are relative to it. */
  folder: string;
  input: ReportInput;
  dropped: readonly DroppedRow[];
}

/** A file of the package: style or script. */
const asset = (name: string): Markup => new Markup(readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8'));

export function pageOf(parts: PageParts): string {
  const { title, model, plots, sheets, input, dropped } = parts;
  const { evaluation } = model;
  const links = linksOf(parts);
  const sections = [
    evaluation ? verdict(evaluation) : predictionsOnly(model),
    ...(evaluation ? [metrics(evaluation)] : []),
    ...(evaluation && evaluation.comparisons.length > 0 ? [comparisons(evaluation)] : []),
    ...(plots.length > 0 ? [section('pictures', 'Pictures', plots.map(figure))] : []),
    ...(sheets.length > 0
      ? [section('gallery', 'Gallery', [lostNote(model), sheets.map((sheet) => gallery(sheet, model, links))])]
      : []),
    section('images', 'All images', imagesTable(model)),
    ...(evaluation ? [origin(evaluation)] : predictionsOrigin(input, dropped)),
  ];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="hyperiqa">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title>
<style>
${colourRules()}
${asset('page.css')}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>${title}</h1>
<nav aria-label="Sections">${['Figures', 'Comparison', 'Pictures', 'Gallery', 'Images', 'Origin']
    .filter((name) => sections.some(({ text }) => text.includes(`<section id="${name.toLowerCase()}"`)))
    .map((name, i) => [i > 0 && ' ', html`<a href="#${name.toLowerCase()}">${name}</a>`])}</nav>
</header>
<main id="main">
${sections.map((part, i) => [i > 0 && '\n', part])}
</main>
<div id="tip" role="status" hidden></div>
<script type="application/json" id="data">${jsonMarkup(dataOf(model, plots, links))}</script>
<script>
${asset('page.js')}</script>
</body>
</html>
`;
  return page.text;
}

function colourRules(): Markup {
  const rules = (scheme: 'light' | 'dark') =>
    Object.entries(colours)
      .map(([name, value]) => `--${name}: ${value[scheme]};`)
      .join(' ');
  return new Markup(`:root { ${rules('light')} }
@media screen and (prefers-color-scheme: dark) { :root { ${rules('dark')} } }`);
}

const section = (id: string, title: string, content: Content): Markup =>
  html`<section id="${id}"><h2>${title}</h2>\n${content}</section>`;

/** Address of each image's file, from the folder of the page; null if it was not found. */
function linksOf({ model, folder }: PageParts): (string | null)[] {
  const from = resolve(folder);
  return model.images.map(({ path }) =>
    path === null ? null : relative(from, path).split(sep).map(encodeURIComponent).join('/'),
  );
}

/** Data for the page's script. Links mostly share a beginning, which is stored once. */
function dataOf(model: ReportModel, plots: readonly Plotted[], links: readonly (string | null)[]) {
  const folders = new Map<string, number>();
  const compact = links.map((link) => {
    if (link === null) return null;
    const end = link.lastIndexOf('/') + 1;
    const folder = link.slice(0, end);
    if (!folders.has(folder)) folders.set(folder, folders.size);
    return [folders.get(folder), link.slice(end)];
  });
  const round = (value: number | null | undefined) =>
    value === null || value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(5));
  return {
    names: model.images.map(({ name }) => name),
    folders: [...folders.keys()],
    links: compact,
    human: model.evaluation ? model.evaluation.humanScores.column : null,
    mos: model.evaluation ? model.images.map(({ mos }) => round(mos)) : null,
    predictors: model.predictors.map(({ name }) => name),
    scores: model.predictors.map(({ index }) => model.images.map(({ scores }) => round(scores[index]))),
    gaps: model.predictors.map(({ index, fitted }) =>
      fitted
        ? model.images.map(({ mos, scores }) => {
            const score = scores[index] ?? null;
            return mos === null || score === null ? null : round(fitted(score) - mos);
          })
        : null,
    ),
    plots: plots.map(({ images }) => images),
  };
}

const interval = (bounds: Bounds | null | undefined): string =>
  bounds ? `${short(bounds.lower)} to ${short(bounds.upper)}` : '';

/** An end of a scale: 0, 100, 4.6. */
const plain = (value: number): string => String(Number(value.toPrecision(4)));

/** The outcome in a sentence for each predictor, and what to beware of. */
function verdict(evaluation: Evaluation): Markup {
  const { predictors, warnings, humanScores: human, images } = evaluation;
  const sentences = predictors.map(({ name, overall }) => {
    const { srcc, krcc } = overall.raw;
    const bounds = overall.intervals.raw.srcc;
    const percent = Number((evaluation.provenance.settings.level * 100).toFixed(2));
    // The share (1 + tau)/2 of all pairs without ties is in the right order.
    const pairs =
      krcc === null
        ? ''
        : `; of two images it prefers the one people prefer in ${(50 * (1 + krcc)).toFixed(0)} % of cases`;
    const figures =
      srcc === null
        ? 'has no defined correlation with them'
        : `orders them with SRCC ${short(srcc)}${bounds ? ` (${percent} %: ${interval(bounds)})` : ''}${pairs}`;
    return html`<li><strong>${name}</strong> ${figures} (n = ${overall.n}).</li>`;
  });
  const alerts = warnings.map(({ message, code }) => html`<li>${message} <code>${code}</code></li>`);
  const column = `${human.column}${human.dataset ? ` of ${datasetTitle(human.dataset)}` : ''}`;
  const scale = `${plain(human.scale.minimum)} to ${plain(human.scale.maximum)}`;
  return html`<p>${images} images with human scores (${column}: ${human.higherIsBetter ? 'higher' : 'lower'} is better, ${scale}).</p><ul class="verdict">${sentences}</ul>${
    alerts.length > 0 && html`<div class="warnings" role="note"><h2>Beware</h2><ul>${alerts}</ul></div>`
  }`;
}

const predictionsOnly = ({ images, predictors }: ReportModel): Markup =>
  html`<p>${images.length} images, scored by ${predictors.map(({ name }) => name).join(', ')}. There are no human scores to compare with.</p>`;

const number = (value: number | null | undefined, reason?: string): Markup =>
  value === null || value === undefined
    ? reason
      ? html`<td class="n undefined" title="${reason}">undefined</td>`
      : html`<td class="n undefined">undefined</td>`
    : html`<td class="n" data-value="${value}">${short(value)}</td>`;

const bounded = (value: number | null, bounds: Bounds | null | undefined, reason?: string): Markup =>
  value === null
    ? number(value, reason)
    : html`<td class="n" data-value="${value}">${short(value)}${bounds && html`<span class="ci">${interval(bounds)}</span>`}</td>`;

const estimate = ({ value, interval: bounds, undefinedBecause }: Estimate): Markup =>
  bounded(value, bounds, undefinedBecause);

function metrics(evaluation: Evaluation): Markup {
  const { settings } = evaluation.provenance;
  const extra = evaluation.predictors.some(({ overall }) => overall.raw.outlierRatio !== undefined);
  const heads = [
    ...['Predictor', settings.groupBy ?? 'Images', 'n', 'SRCC', 'KRCC', 'PLCC', 'PLCC fitted', 'RMSE', 'RMSE fitted'],
    ...['MAE', 'MAE fitted', 'MSE', 'MSE fitted', 'Bias', 'Bias scaled', 'Gap per point'],
    ...(extra ? ['Outlier ratio fitted'] : []),
    ...(settings.band ? [`In ${settings.band.join(' to ')}`] : []),
  ];
  const row = (predictor: string, group: string, result: GroupResult): Markup => {
    const { fitted, intervals, undefined: reasons, bias, gapSlope, band } = result;
    const cell = (kind: 'raw' | 'fitted', name: FigureName) =>
      bounded(result[kind][name] ?? null, intervals[kind][name], reasons[`${kind}.${name}`]);
    const cells = [
      ...[cell('raw', 'srcc'), cell('raw', 'krcc')],
      ...(['plcc', 'rmse', 'mae', 'mse'] as const).flatMap((name) => [cell('raw', name), cell('fitted', name)]),
      ...[estimate(bias.raw), estimate(bias.scaled), estimate(gapSlope.scaled)],
      extra && number(fitted.outlierRatio),
      settings.band !== null && number(band?.predictions),
    ];
    return html`<tr><th scope="row">${predictor}</th><td>${group}</td><td class="n" data-value="${result.n}">${result.n}</td>${cells}</tr>`;
  };
  const rows = evaluation.predictors.flatMap(({ name, overall, groups }) => [
    row(name, 'all', overall),
    ...groups.map((group) => row(name, group.name, group)),
  ]);
  const percent = Number((settings.level * 100).toFixed(2));
  const note =
    settings.replicates > 0
      ? `Small: ${percent} % intervals (BCa bootstrap, ${settings.replicates} replicates). `
      : 'Without intervals. ';
  return section(
    'figures',
    'Figures',
    html`<p>${note}Fitted: after the ${settings.fit} fit of each group. Correlations are positive where a predictor agrees with people.</p><p class="controls"><label>Filter <input type="search" data-filter="metrics" placeholder="predictor or group"></label></p>${table('metrics', heads, rows)}`,
  );
}

/** A table whose rows can be sorted by clicking on a heading. */
const table = (id: string, heads: readonly string[], rows: readonly Markup[]): Markup =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="${id}"><table id="${id}" data-sortable><thead><tr>${heads.map(headCell)}</tr></thead><tbody>${rows}</tbody></table></div>`;

const headCell = (head: string): Markup => html`<th scope="col"><button type="button">${head}</button></th>`;

function comparisons({ comparisons: list }: Evaluation): Markup {
  const p = (value: number | null): Markup =>
    value === null
      ? html`<td class="n">–</td>`
      : html`<td class="n" data-value="${value}">${value < 0.001 ? '< 0.001' : value.toFixed(3)}</td>`;
  const rows = list.flatMap(({ first, second, n, ...kinds }) =>
    (['srcc', 'plcc', 'plccFitted'] as const).map((kind) => {
      const { bootstrap, mengRosenthalRubin: meng } = kinds[kind];
      const title = { srcc: 'SRCC', plcc: 'PLCC', plccFitted: 'PLCC fitted' }[kind];
      const cells = [estimate(bootstrap), p(bootstrap.pValue), number(meng.z, meng.undefinedBecause), p(meng.pValue)];
      return html`<tr><th scope="row">${first} − ${second}</th><td>${title}</td><td class="n">${n}</td>${cells}</tr>`;
    }),
  );
  return section('comparison', 'Comparison of predictors', [
    html`<p>Differences on the images that both have scored: paired bootstrap, and the test of Meng, Rosenthal &amp; Rubin for dependent correlations. The p values are not corrected for the number of pairs.</p>`,
    table('comparisons', ['Predictors', 'Figure', 'n', 'Difference', 'p (bootstrap)', 'z (Meng)', 'p (Meng)'], rows),
  ]);
}

function figure({ name, title, caption, svg, legend }: Plotted, index: number): Markup {
  const keys = legend.map(({ label, colour }, i) => [
    i > 0 && ' ',
    html`<span class="key"><i style="background:${colour}"></i>${label}</span>`,
  ]);
  return html`<figure data-plot="${index}" class="${name === 'sorted' ? 'wide' : ''}"><h3>${title}</h3>${keys.length > 0 && html`<p class="legend">${keys}</p>`}<div class="plot">${svg}</div><figcaption>${caption}</figcaption></figure>\n`;
}

/** Said once, not on every card. */
function lostNote({ images }: ReportModel): Content {
  const lost = images.filter(({ path }) => path === null).length;
  if (lost === 0) return '';
  return html`<p>${lost === images.length ? 'The images' : `${lost} of the ${images.length} images`} were not found, so they are named only.</p>`;
}

function gallery({ title, note, cards }: Sheet, model: ReportModel, links: readonly (string | null)[]): Markup {
  const items = cards.map(({ image, text, thumbnail, map, missing }) => {
    const name = model.images[image]?.name ?? '';
    const link = links[image] ?? null;
    const pictures = [
      thumbnail === null
        ? missing !== '' && html`<span class="missing">${missing}</span>`
        : html`<img src="${thumbnail}" alt="${name}" loading="lazy">`,
      map !== null && html`<img src="${map}" alt="Patch scores of ${name}" loading="lazy">`,
    ].filter((part) => part !== false);
    const body = [
      pictures.length > 0 && html`<span class="pictures">${pictures}</span>`,
      html`<span class="name">${name}</span>`,
    ];
    const linked = link === null ? body : html`<a href="${link}" target="_blank" rel="noopener">${body}</a>`;
    return html`<li>${linked}<span class="text">${text}</span></li>`;
  });
  return html`<h3>${title}</h3><p>${note}</p><ul class="cards">${items}</ul>\n`;
}

/** A place for the table that the script fills page by page: rows of 10,000 images would slow the page down. */
function imagesTable({ images, evaluation, predictors }: ReportModel): Markup {
  const heads = [
    'Image',
    ...(evaluation ? [evaluation.humanScores.column] : []),
    ...predictors.flatMap(({ name, fitted }) => [name, ...(fitted ? [`${name}: fitted − human`] : [])]),
  ];
  return html`<p class="controls"><label>Filter <input type="search" id="find" placeholder="part of a name"></label> <button type="button" id="previous">Previous</button> <span id="place" role="status">${images.length} images</span> <button type="button" id="next">Next</button></p><noscript><p>The table of images needs JavaScript.</p></noscript><div class="scroll" tabindex="0" role="region" aria-label="images"><table id="all"><thead><tr>${heads.map(headCell)}</tr></thead><tbody></tbody></table></div>`;
}

const facts = (rows: readonly (readonly [string, string])[]): Markup =>
  html`<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;

function origin(evaluation: Evaluation): Markup {
  const { provenance, humanScores: human, tables, dropped, unpredicted } = evaluation;
  const { settings } = provenance;
  const rows: [string, string][] = [
    [
      'Human scores',
      `${provenance.humanScores.source}, column ${human.column} (SHA-256 ${provenance.humanScores.sha256})`,
    ],
    ...provenance.predictions.map(({ source, sha256 }): [string, string] => [
      'Predictions',
      `${source} (SHA-256 ${sha256})`,
    ]),
    ...provenance.models.map(({ name, sha256, trainedOn }): [string, string] => [
      'Model',
      `${name}${sha256 ? ` (SHA-256 ${sha256})` : ''}${trainedOn ? `, trained on ${datasetTitle(trainedOn)}` : ''}`,
    ]),
    ['Trained on', provenance.trainedOn.map(datasetTitle).join(', ') || 'not known'],
    ...tables.map(({ source, rows: all, matched, matching }): [string, string] => [
      'Matched',
      `${matched} of ${all} rows of ${source}` +
        Object.entries(matching)
          .filter(([, count]) => count > 0)
          .map(([way, count], i) => `${i === 0 ? ': ' : ', '}${count} by ${way}`)
          .join(''),
    ]),
    ['Human scores without prediction', String(unpredicted.count)],
    [
      'Settings',
      Object.entries(settings)
        .map(([name, value]) => `${name} ${value === null ? 'none' : String(value)}`)
        .join(', '),
    ],
    ['Version', `hyperiqa ${provenance.hyperiqa}`],
  ];
  return section('origin', 'Origin', [facts(rows), droppedList(dropped)]);
}

function droppedList(dropped: readonly DroppedRow[]): Markup {
  if (dropped.length === 0) return html`<p>No row was dropped.</p>`;
  const shown = dropped
    .slice(0, 200)
    .map(
      ({ source, file, predictor, reason, message }) =>
        html`<li>${source}: ${file}${predictor ? `, ${predictor}` : ''}: ${message} <code>${reason}</code></li>`,
    );
  const more = dropped.length - shown.length;
  return html`<details><summary>${dropped.length} dropped ${dropped.length === 1 ? 'row' : 'rows'}: ${droppedByReason(dropped)}</summary><ul>${shown}</ul>${more > 0 && html`<p>… and ${more} more.</p>`}</details>`;
}

function predictionsOrigin(input: ReportInput, dropped: readonly DroppedRow[]): Markup[] {
  if (!('predictions' in input)) return [];
  const { sources, models } = input.predictions;
  return [
    section('origin', 'Origin', [
      facts([
        ...sources.map(({ source, sha256 }): [string, string] => ['Predictions', `${source} (SHA-256 ${sha256})`]),
        ...models.map(({ name, sha256 }): [string, string] => [
          'Model',
          `${name}${sha256 ? ` (SHA-256 ${sha256})` : ''}`,
        ]),
      ]),
      droppedList(dropped),
    ]),
  ];
}
