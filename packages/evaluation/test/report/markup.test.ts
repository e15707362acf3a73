/** Texts from tables stay texts: in the page, in its data and in the pictures. */
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { compute } from '../../src/evaluation/compute.js';
import { assemble, prepare } from '../../src/evaluation/evaluate.js';
import { html, jsonMarkup, Markup } from '../../src/report/html.js';
import { createReport } from '../../src/report/index.js';
import { parse } from './html.js';
import { readHumanScores, joinScores, readPredictions } from '../../src/evaluation/index.js';

const hostile = fc.oneof(
  fc.constantFrom(
    '</script><script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '<!--',
    ']]>',
    '</title><svg onload=alert(1)>',
    '</style>',
    '&lt;b&gt;&amp;amp;',
    'javascript:alert(1)',
    'var(--ink) var(--nothing)',
    '$& $1 ${x} `',
  ),
  fc.string({
    minLength: 1,
    maxLength: 30,
    unit: fc.constantFrom('<', '>', '&', '"', "'", '`', '=', '/', '!', '-', 'x', 'b', '$', ' '),
  }),
  fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }),
);

describe('the tag', () => {
  test('a text comes back as it was, and makes no element', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 4 }), hostile, (list, text) => {
        const { text: page } =
          html`<!doctype html><html><body><p title="${text}">${text}</p><ul>${list}</ul></body></html>`;
        const document = parse(page);
        expect(document.querySelector('p')!.textContent).toBe(text);
        expect(document.querySelector('p')!.getAttribute('title')).toBe(text);
        expect(document.querySelector('ul')!.textContent).toBe(list.join(''));
        expect(document.querySelectorAll('body *')).toHaveLength(2);
      }),
      { seed: 21, numRuns: 100 },
    );
  });

  test('markup is put in once, numbers as they are, and nothing for what is absent', () => {
    expect(html`<b>${html`<i>${'<'}</i>`}${[1, '&', null, [undefined, false, new Markup('<u>')]]}</b>`.text).toBe(
      '<b><i>&#60;</i>1&#38;<u></b>',
    );
  });

  test('a value outside of quotes in a tag is refused, and text in a script or style element', () => {
    const text = 'x';
    expect(() => html`<p title=${text}></p>`).toThrow(/double quotes/);
    expect(() => html`<p title="a" ${text}></p>`).toThrow(TypeError);
    expect(() => html`<script>${text}</script>`).toThrow(/script or style/);
    expect(() => html`<style>p { color: ${text} }</style>`).toThrow(TypeError);
    expect(html`<p>1 < 2 ${text}</p>`.text).toBe('<p>1 < 2 x</p>');
    const own = new Markup('a < b');
    expect(html`<script>${own}</script><p>${'<'}</p>`.text).toBe('<script>a < b</script><p>&#60;</p>');
  });

  test('JSON cannot end its script element', () => {
    fc.assert(
      fc.property(fc.array(hostile), (list) => {
        const { text } = jsonMarkup(list);
        expect(text).not.toContain('<');
        expect(JSON.parse(text)).toEqual(list);
      }),
    );
  });
});

const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** Elements and attributes of a page, which are the same whatever the texts are. */
const structure = (page: string): string[] =>
  [...parse(page).querySelectorAll('*')].map((element) => {
    const { tagName, attributes } = element as unknown as { tagName: string; attributes: Iterable<{ name: string }> };
    return `${tagName} ${[...attributes].map(({ name }) => name).join(' ')}`;
  });

/** A report on three images whose names, predictors, groups and columns hold the texts. */
async function reportWith(image: string, predictor: string, column: string, title: string) {
  const table = (rows: string[][]) => Buffer.from(rows.map((row) => row.map(cell).join(',')).join('\n'));
  const names = [`${image}1.jpg`, `${image}2.jpg`, `${image}3.jpg`];
  const predictions = await readPredictions(
    [
      {
        name: `${image}.csv`,
        data: table([['file', `p${predictor}`], ...names.map((name, i) => [name, String(i * i)])]),
      },
    ],
    { predictors: [`p${predictor}`] },
  );
  const human = await readHumanScores(
    { name: `${column}.csv`, data: table([['file', `m${column}`], ...names.map((name, i) => [name, String(i)])]) },
    { column: `m${column}`, nameColumn: 'file' },
  );
  const data = joinScores(predictions, human);
  const prepared = prepare(data, { replicates: 0 });
  return createReport({ data, evaluation: assemble(data, prepared, compute(prepared.job)) }, { title, gallery: 1 });
}

test('no text of a table becomes markup in a report', async () => {
  // Names as tables can have them: one line, without blanks at the ends.
  const name = hostile
    .filter((text) => !/\p{Surrogate}/u.test(text))
    .map((text) => text.replace(/[\s/\\,\p{Cc}\ufeff]+/gu, '_'));
  const plain = structure((await reportWith('a', 'b', 'c', 'd')).html);
  await fc.assert(
    fc.asyncProperty(name, name, name, hostile, async (image, predictor, column, title) => {
      const { html: page, pictures } = await reportWith(image, predictor, column, title);
      expect(structure(page)).toEqual(plain);
      const document = parse(page);
      expect(document.querySelector('h1')!.textContent).toBe(title);
      expect(document.querySelector('#metrics tbody th')!.textContent).toBe(`p${predictor}`);
      expect(document.querySelectorAll('script')).toHaveLength(2);
      const embedded = JSON.parse(document.getElementById('data')!.textContent) as { predictors: string[] };
      expect(embedded.predictors).toEqual([`p${predictor}`]);
      for (const { svg } of pictures) {
        // A whole XML document, or librsvg would refuse it.
        expect((await sharp(Buffer.from(svg)).metadata()).format).toBe('svg');
        expect(structure(svg)).toEqual(
          expect.not.arrayContaining([expect.stringMatching(/^(?:script|img|image|a|foreignObject) |\\bon\\w+/i)]),
        );
      }
    }),
    { seed: 22, numRuns: 25 },
  );
});
