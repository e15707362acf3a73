/** Observable Plot without a browser, and dots in numbers that a page can bear. */
import * as Plot from '@observablehq/plot';
import { DOMParser } from 'linkedom';
import { html, Markup } from './html.js';

/** Colours by name: a page defines them for light and dark, a picture on its own gets the light ones. */
export const colours = {
  ink: { light: '#1c1e21', dark: '#e8e6e3' },
  paper: { light: '#ffffff', dark: '#16181b' },
  muted: { light: '#5b6169', dark: '#a3a9b1' },
  line: { light: '#d7dade', dark: '#383d44' },
  human: { light: '#7a828c', dark: '#8b939d' },
  // Okabe & Ito's colours, which people with any kind of colour vision tell apart; lighter ones on dark ground.
  p1: { light: '#0072b2', dark: '#56b4e9' },
  p2: { light: '#c44e00', dark: '#f0a35e' },
  p3: { light: '#00805c', dark: '#4fc9a4' },
  p4: { light: '#a04a80', dark: '#e29ac6' },
  p5: { light: '#6b5b00', dark: '#d8c65a' },
} as const;

export type Colour = keyof typeof colours;

/** A colour in a picture; `standalone` puts its value there. */
export const colour = (name: Colour): string => `var(--${name})`;

const predictorColours = ['p1', 'p2', 'p3', 'p4', 'p5'] as const satisfies readonly Colour[];

/** The colour of a predictor, by its place. */
export const predictorColour = (index: number): string =>
  colour(predictorColours[index % predictorColours.length] ?? 'p1');

const size = { width: 720, height: 420 } as const;

/**
 * The part of the DOM that is needed: the browser's types are not loaded, since they would mix with those of Node.js.
 */
interface SvgElement {
  readonly outerHTML: string;
  setAttribute(name: string, value: string): void;
  append(...children: SvgElement[]): void;
  remove(): void;
  querySelectorAll(selector: string): Iterable<SvgElement>;
}
interface SvgDocument {
  createElementNS(namespace: string, name: string): SvgElement;
}
const SVG = 'http://www.w3.org/2000/svg';

/** Draws an SVG element, written by the DOM, which escapes the texts in it. */
export function draw(options: Plot.PlotOptions, label: string): Markup {
  // A document of XML: one of HTML leaves < and & in attributes as they are, which a picture on its own cannot have.
  const document: unknown = new DOMParser().parseFromString('<svg></svg>', 'image/svg+xml');
  const svg = Plot.plot({
    ...size,
    marginBottom: 46,
    marginLeft: 48,
    ...options,
    x: { labelOffset: 40, ...options.x },
    document: document as never,
    ariaLabel: label,
    figure: false,
  }) as unknown as SvgElement;
  svg.setAttribute('role', 'img');
  svg.setAttribute('xmlns', SVG);
  // The page has these rules once, and a picture on its own needs none.
  for (const style of svg.querySelectorAll('style')) style.remove();
  return new Markup(svg.outerHTML);
}

/** Entry of a legend that explains a colour. */
export interface LegendKey {
  label: string;
  colour: string;
}

const HEAD = 34;
const KEYS = 22;

/** An SVG element as a document of its own: in light colours, on paper, with title and legend above it. */
export function standalone({ text: svg }: Markup, title: string, legend: readonly LegendKey[]): string {
  const head = HEAD + (legend.length > 0 ? KEYS : 0);
  const width = Number(/ width="([\d.]+)"/.exec(svg)?.[1]);
  const height = Number(/ height="([\d.]+)"/.exec(svg)?.[1]) + head;
  const keys = legend.map(({ label, colour: fill }, i) => {
    const x = 16 + (i * Math.min(width, 720)) / legend.length;
    return html`<circle cx="${x}" cy="${HEAD + 6}" r="5" fill="${fill}"/><text x="${x + 12}" y="${HEAD + 10}">${label}</text>`;
  });
  const { light: paper } = colours.paper;
  const placed = new Markup(svg.replace(/^<svg /, `<svg y="${head}" `));
  const { text } =
    html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" color="${colours.ink.light}" fill="currentColor"><title>${title}</title><rect width="100%" height="100%" fill="${paper}"/><text x="11" y="23" font-size="16" font-weight="600">${title}</text>${keys}${placed}</svg>\n`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${text}`
    .replace(/(?<==")var\(--(\w+)\)(?=")/g, (whole, name: string) =>
      name in colours ? colours[name as Colour].light : whole,
    )
    .replace(notXml, '\ufffd');
}

/** Characters that XML does not have, not even as references. */
// eslint-disable-next-line no-control-regex
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;

/** Layers of dots: where dots of several layers overlap, the colour is denser. */
const LAYERS = 12;

/**
 * A mark for any number of dots. Each layer is one path with a point a dot, in place of an element a dot: 10,000 dots are
 * then 12 elements. Dot i is number ⌊i / layers⌋ of layer i mod layers; the page finds the nearest one by reading the
 * paths.
 */
export function dots<T>(
  data: readonly T[],
  options: { x: (item: T) => number; y: (item: T) => number; stroke: string },
) {
  const many = data.length > 500;
  return Plot.dot(data as T[], {
    x: options.x,
    y: options.y,
    render(index, _scales, values, _dimensions, context) {
      const { document } = context as unknown as { document: SvgDocument };
      const layers = Math.min(LAYERS, Math.max(1, data.length));
      const paths = Array.from({ length: layers }, () => '');
      for (const i of index) {
        const [x, y] = [values.x?.[i] as number, values.y?.[i] as number];
        paths[i % layers] = `${paths[i % layers] ?? ''}M${x.toFixed(1)} ${y.toFixed(1)}h0`;
      }
      const group = element(document, 'g', {
        class: 'dots',
        fill: 'none',
        stroke: options.stroke,
        'stroke-width': many ? '2.6' : '5',
        'stroke-linecap': 'round',
        'stroke-opacity': many ? '0.35' : '0.7',
      });
      group.append(...paths.map((d) => element(document, 'path', { d })));
      return group as never;
    },
  });
}

function element(document: SvgDocument, name: string, attributes: Readonly<Record<string, string>>): SvgElement {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
