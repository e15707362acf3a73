/** Tables of all kinds, and what is said of malformed ones. */
import { constants } from 'node:buffer';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ErrorCode } from 'hyperiqa/add-on';
import { readTable } from '../../src/evaluation/read-table.js';
import { errorWith } from '../../../../test/helpers/errors.js';
import { readHumanScores, readPredictions } from '../../src/evaluation/index.js';

const table = (data: string | Uint8Array, name = 'a.csv') => ({ name, data });
const cells = async (data: string, scores = 'MOS') => {
  const { columns, rows } = await readTable(table(data), scores);
  return [columns, ...rows.map((row) => columns.map((_, i) => row.cells[i] ?? ''))];
};
const expectError = (code: ErrorCode, message: RegExp, action: () => Promise<unknown>) =>
  expect(action()).rejects.toEqual(errorWith(code, message));
const plain = [
  ['image_name', 'MOS'],
  ['a.jpg', '1.5'],
  ['b, c.jpg', '2'],
];

test.each([
  ['commas', 'image_name,MOS\na.jpg,1.5\n"b, c.jpg",2\n'],
  ['a byte order mark and CRLF', '\ufeffimage_name,MOS\r\na.jpg,1.5\r\n"b, c.jpg",2\r\n'],
  ['semicolons', 'image_name;MOS\na.jpg;1.5\nb, c.jpg;2'],
  ['tabs', 'image_name\tMOS\na.jpg\t1.5\nb, c.jpg\t2\n'],
  ['quoted header, spaces and empty lines', '"image_name", "MOS"\n\na.jpg, 1.5\n"b, c.jpg", 2\n\n'],
  ['both kinds of line ends', 'image_name,MOS\r\na.jpg,1.5\n"b, c.jpg",2\r\n'],
  ['JSON lines', '{"image_name":"a.jpg","MOS":1.5}\n{"image_name":"b, c.jpg","MOS":2}\n'],
  ['a JSON array', '[{"image_name":"a.jpg","MOS":1.5},\n{"image_name":"b, c.jpg","MOS":2}]'],
  ['a line sep=;', 'sep=;\r\nimage_name;MOS\r\na.jpg;1.5\r\nb, c.jpg;2\r\n'],
  ['a line sep=| in quotation marks', '\ufeff"sep=|"\nimage_name|MOS\na.jpg|1.5\nb, c.jpg|2\n'],
  ['a line sep= with a tab', 'sep=\t\nimage_name\tMOS\na.jpg\t1.5\nb, c.jpg\t2\n'],
  ['rows and columns that hold nothing', 'image_name,MOS,,\n,,,\na.jpg,1.5,,\n"b, c.jpg",2,,\n , ,,\n,\n'],
  ['cells at the end that hold nothing', 'image_name,MOS\na.jpg,1.5,\n"b, c.jpg",2,,\n'],
  ['decimal commas and semicolons', 'image_name;MOS\na.jpg;1,5\nb, c.jpg;2\n'],
  ['decimal commas and tabs', 'image_name\tMOS\na.jpg\t1,5\nb, c.jpg\t2\n'],
  ['decimal commas in quotation marks', '"image_name";"MOS"\n"a.jpg";"1,5"\n"b, c.jpg";"2"\n'],
  ['CR alone', 'image_name,MOS\ra.jpg,1.5\r"b, c.jpg",2\r'],
  ['no header', 'a.jpg,1.5\n"b, c.jpg",2\n'],
  ['no header, and semicolons', 'a.jpg;1.5\r\nb, c.jpg;2\r\n'],
  ['no header, semicolons and decimal commas', 'a.jpg;1,5\n"b, c.jpg";2\n'],
  ['no header, tabs and empty lines', '\ufeff\na.jpg\t1.5\n\nb, c.jpg\t2\n'],
])('the same table with %s', async (_, data) => {
  expect(await cells(data)).toEqual(plain);
});

test('a headerless table may have the numbers first, missing ones, and names without an extension', async () => {
  expect(await cells('1.5,a.jpg\n2,b.jpg\n', 'score')).toEqual([
    ['score', 'image_name'],
    ['1.5', 'a.jpg'],
    ['2', 'b.jpg'],
  ]);
  expect(await cells('a.jpg,nan\nb.jpg,2\n')).toEqual([
    ['image_name', 'MOS'],
    ['a.jpg', 'nan'],
    ['b.jpg', '2'],
  ]);
  expect(await cells('lake,2\nkitten,-1e3\n')).toEqual([
    ['image_name', 'MOS'],
    ['lake', '2'],
    ['kitten', '-1e3'],
  ]);
  const { predictors, rows } = await readPredictions(table('a.jpg,1\nb.jpg,2\n'));
  expect([predictors.map(({ name }) => name), rows.map(({ line, scores }) => [line, ...scores])]).toEqual([
    ['score'],
    [
      [1, 1],
      [2, 2],
    ],
  ]);
});

test('a decimal comma that may set thousands apart is no number', async () => {
  await expectError('ERR_TABLE', /line 2, column MOS: "1,500" is not a number/, () =>
    readHumanScores(table('image_name;MOS\na.jpg;1,500\nb.jpg;2,250\n')),
  );
  const { rows } = await readHumanScores(table('image_name;MOS\na.jpg;1,500\nb.jpg;2,25\nc.jpg;-0,125\nd.jpg;\n'));
  expect(rows.map(({ score }) => score)).toEqual([1.5, 2.25, -0.125, null]);
  await expectError('ERR_TABLE', /line 3, column MOS: "2,25" is not a number/, () =>
    readHumanScores(table('image_name;MOS\na.jpg;1.5\nb.jpg;2,25\n')),
  );
});

test('lines are those of the file after a line sep=;', async () => {
  await expectError('ERR_TABLE', /line 4, column MOS: "x"/, () =>
    readHumanScores(table('sep=;\nimage_name;MOS\na.jpg;1\nb.jpg;x\n')),
  );
  await expectError('ERR_TABLE', /line 3.*quotation mark/, () =>
    readHumanScores(table('sep=;\nimage_name;MOS\na"b;1\n')),
  );
});

test("TID2013's mos_with_names.txt has no header, and the score first", async () => {
  expect(await cells('5.51429 I01_01_1.bmp\n5.56757 I01_01_2.bmp\n')).toEqual([
    ['MOS', 'image_name'],
    ['5.51429', 'I01_01_1.bmp'],
    ['5.56757', 'I01_01_2.bmp'],
  ]);
});

test('members of JSON objects become columns with a dot, and missing ones are empty', async () => {
  expect(await cells('{"file":"a","p":{"seed":"1"},"crops":[1]}\n{"file":"b","score":null,"n":2}')).toEqual([
    ['file', 'p.seed', 'score', 'n'],
    ['a', '1', '', ''],
    ['b', '', '', '2'],
  ]);
});

test('lines are those of the file, also after a cell with a line break', async () => {
  const { rows } = await readTable(table('name,MOS\n"a\nb.jpg",1\n\nc.jpg,2\n'), 'score');
  expect(rows.map(({ line }) => line)).toEqual([3, 5]);
});

test.each([
  ['nothing', '  \n', /a\.csv is empty/],
  ['a quotation mark never closed', 'name,MOS\na.jpg,1\n"b.jpg,2\nc.jpg,3\n', /line 3.*quotation mark.*never closed/],
  ['a quotation mark inside a cell', 'name,MOS\na"b.jpg,1\n', /line 2.*quotation mark/],
  ['a missing cell', 'name,MOS,SD\na.jpg,1,2\nb.jpg,3\n', /line 3: there are 2 cells.*3 columns: column SD is missing/],
  ['a cell too many', 'name,MOS\na.jpg,1,2\n', /line 2: there are 3 cells/],
  ['two columns of one name', 'name,MOS,MOS\na.jpg,1,2\n', /line 1: columns 2 and 3 have the same name, MOS/],
  ['a column without name', 'name,,MOS\na.jpg,1,2\n', /line 1: column 2 has no name/],
  ['no header and three columns', 'a.jpg,61.2,1\nb.jpg,35,2\n', /line 1: a header.*one number each/],
  ['no header and a first row with one number twice', 'a.jpg,61.2,61.2\nb.jpg,35,2\n', /line 1: a header/],
  ['no header and numbers as names', '1000,61.2\n1001,35\n', /line 1: a header/],
  ['a column named by its position', 'image_name,0\na.jpg,0.5\n', /line 1: a header/],
  ['a row of a headerless table that is too short', 'a.jpg,1\nb.jpg\n', /line 2: .*the first row has 2 columns/],
  ['UTF-16', new Uint8Array([0xff, 0xfe, 0x61, 0]), /UTF-16/],
  ['a spreadsheet', new Uint8Array([0x50, 0x4b, 3, 4]), /save it as CSV/],
  ['Latin-1', new Uint8Array([...Buffer.from('name,MOS\ncaf'), 0xe9, ...Buffer.from('.jpg,1\n')]), /line 2: .*UTF-8/],
  ['a torn JSON line', '{"file":"a","score":1}\n{"file":"b","sco\n', /line 2: this is no JSON/],
  ['a JSON line that is no object', '{"file":"a"}\n[1]\n', /line 2: an object/],
  ['a torn JSON array', '[{"file":"a"},', /no JSON/],
  ['an entry null', '[{"file":"a","score":1},null]', /item 2: an object/],
  ['a line null', '{"file":"a","score":1}\nnull\n', /line 2: an object/],
  ["Python's NaN in a line", '{"file":"a","score":NaN}\n', /line 1: .*NaN and Infinity are no JSON: write null/],
  ["Python's Infinity in an array", '[{"file":"a","score":-Infinity}]', /NaN and Infinity are no JSON: write null/],
  ['objects in too many objects', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}\n`, /line 1: .*more than 32 levels/],
  ['objects in very many objects', `[${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}]`, /item 1: .*more than 32 levels/],
  ['arrays in very many arrays', '['.repeat(1e5) + ']'.repeat(1e5), /item 1: an object/],
  ['too many columns', `${Array.from({ length: 10_001 }, (_, i) => `c${i}`).join()}\n`, /10001 columns.*10,000/],
  [
    'too many members',
    JSON.stringify([Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`c${i}`, 1]))]),
    /10001 columns/,
  ],
  [
    'too many cells',
    `{${Array.from({ length: 10_000 }, (_, i) => `"c${i}":1`).join()}}\n${'{"c1":1}\n'.repeat(10_000)}`,
    /more than 100,000,000 cells \(10000 columns\)/,
  ],
])('%s is refused', async (_, data, message) => {
  await expectError('ERR_TABLE', message, () => readTable(table(data), 'score'));
});

test('a line that is longer than a string can be is refused', async () => {
  const data = Buffer.alloc(constants.MAX_STRING_LENGTH + 1, 'a');
  await expectError('ERR_TABLE', /a\.csv has a line or a cell of more than 512 MB/, () =>
    readTable(table(data), 'score'),
  );
});

test('a file that is not there, and a folder', async () => {
  await expectError('ERR_TABLE', /nowhere\.csv cannot be read: there is no such file/, () =>
    readTable('nowhere.csv', 'score'),
  );
  await expectError('ERR_TABLE', /this is a folder/, () => readTable('test', 'score'));
});

test('numbers that are none are named by line and column, decimal commas with a hint', async () => {
  const scores = (data: string) => readHumanScores(table(data));
  await expectError('ERR_TABLE', /line 3, column MOS: "good" is not a number/, () =>
    scores('image_name,MOS\na.jpg,1\nb.jpg,good\n'),
  );
  await expectError('ERR_TABLE', /line 2, column MOS: "1,5" is not a number; .*point/, () =>
    scores('image_name,MOS\na.jpg,"1,5"\n'),
  );
  await expectError('ERR_TABLE', /line 3, column niqe: "high" is not a number/, () =>
    readPredictions(table('image_name,niqe\na.jpg,1\nb.jpg,high\nc.jpg,2\n')),
  );
});

test('numbers beyond the range of doubles are refused in every format, and long cells cost no more than their length', async () => {
  for (const data of [
    'file,score\na.jpg,1e999\n',
    '{"file":"a.jpg","score":1e999}\n',
    '[{"file":"a.jpg","score":-1e999}]',
  ]) {
    await expectError('ERR_TABLE', /column score: "-?1e999" is beyond the range of numbers/, () =>
      readPredictions(table(data)),
    );
  }
  const { rows } = await readPredictions(table('file,score\na.jpg,1.7e308\nb.jpg,5e-324\nc.jpg,Infinity\n'));
  expect(rows.map(({ scores }) => scores)).toEqual([[1.7e308], [5e-324], [null]]);
  // Steps in the square of this length would take hours.
  await expectError('ERR_TABLE', /"1{60}" is not a number/, () =>
    readPredictions(table(`file,score\na.jpg,${'1'.repeat(2_000_000)}x\n`)),
  );
});

test('columns and files may have names of the language', async () => {
  const data = 'image_name,__proto__,constructor\n__proto__,1,2\ntoString,3,4\n';
  const { predictors, rows } = await readPredictions(table(data));
  expect(predictors.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
  expect(rows.map(({ file, scores }) => [file, ...scores])).toEqual([
    ['__proto__', 1, 2],
    ['toString', 3, 4],
  ]);
  expect(Object.entries(rows[0]!.fields)).toContainEqual(['__proto__', '1']);
  const json = await readPredictions(table('{"file":"__proto__","__proto__":{"x":1},"score":5}\n'));
  expect(json.rows.map(({ file, scores }) => [file, ...scores])).toEqual([['__proto__', 5]]);
  expect(Object.keys(json.rows[0]!.fields)).toEqual(['file', '__proto__.x', 'score']);
});

const cell = fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => text.trim());

test('CSV with any separator gives back the cells that were written, trimmed', async () => {
  const rows = fc.array(fc.tuple(cell, cell, cell), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.constantFrom(',', ';', '\t', '|'),
      fc.constantFrom('\n', '\r\n'),
      async (data, delimiter, end) => {
        const options = { delimiter, record_delimiter: end, quoted: true };
        const text = `sep=${delimiter}${end}${stringify([['image_name', 'a', 'b'], ...data], options)}`;
        const expected = data.filter((row) => row.some((value) => value !== '')).map((row) => [...row]);
        // A decimal comma is read as a point where the separator is no comma.
        const [, ...read] = await cells(text);
        const plainNumber = (value: string) => value.replace(/^([+-]?\d+),(\d+)/, '$1.$2');
        expect(read.map((row) => row.map(plainNumber))).toEqual(expected.map((row) => row.map(plainNumber)));
      },
    ),
    { seed: 3, numRuns: 300 },
  );
});

test('whatever a file holds, it is a table or refused with ERR_TABLE', async () => {
  const bits = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    ';',
    '\t',
    '\n',
    '\r',
    'sep=',
    'a.jpg',
    'file',
    'score',
    '1',
    'null',
    ':',
    ' ',
    '\ufeff',
    '\\',
  );
  const text = fc.array(bits, { maxLength: 24 }).map((parts) => parts.join(''));
  const bytes = fc.uint8Array({ maxLength: 24 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(text, bytes), async (data) => {
      try {
        await readPredictions({ name: 'a', data });
      } catch (error) {
        expect(error).toEqual(errorWith('ERR_TABLE', /^a[ ,]/));
      }
    }),
    { seed: 4, numRuns: 2000 },
  );
});

test('missing columns are named with those that are there and the option', async () => {
  await expectError('ERR_TABLE', /line 1: .*human scores.*image_name, quality.*--mos-column/, () =>
    readHumanScores(table('image_name,quality\na.jpg,1\n')),
  );
  await expectError('ERR_TABLE', /names of the images.*photo, MOS.*--mos-name-column/, () =>
    readHumanScores(table('photo,MOS\na.jpg,1\n')),
  );
  await expectError('ERR_TABLE', /no column hyperiqa.*image_name, niqe/, () =>
    readPredictions(table('image_name,niqe\na.jpg,1\n'), { predictors: ['hyperiqa'] }),
  );
  await expectError('ERR_TABLE', /no column Quality/, () =>
    readHumanScores(table('image_name,MOS\na.jpg,1\n'), { column: 'Quality' }),
  );
});

test('a human score given twice counts once, and two different ones are refused', async () => {
  const same = await readHumanScores(table('image_name,MOS\na.jpg,1\nb.jpg,2\na.jpg,1\n'));
  expect(same.rows.map(({ file }) => file)).toEqual(['a.jpg', 'b.jpg']);
  expect(same.dropped).toMatchObject([{ line: 4, file: 'a.jpg', reason: 'duplicate' }]);
  await expectError('ERR_TABLE', /line 4, column image_name: a\.jpg is there twice.* 1 in line 2 and 3 here/, () =>
    readHumanScores(table('image_name,MOS\na.jpg,1\nb.jpg,2\na.jpg,3\n')),
  );
});

test("KonIQ-10k's first table: MOS_zscore goes before MOS and is on 0 to 100, as the deviations then are", async () => {
  const head = 'image_name,c1,c2,c3,c4,c5,c_total,MOS,SD,MOS_zscore\n';
  const row = '"10004473376.jpg",0,0,25,73,7,105,3.828571429,0.527277894,77.38362069\n';
  const zscore = await readHumanScores(table(head + row));
  expect(zscore).toMatchObject({
    dataset: 'koniq10k',
    column: 'MOS_zscore',
    otherColumns: ['MOS'],
    higherIsBetter: true,
    scale: { minimum: 0, maximum: 100, from: 'format' },
    deviations: { column: 'SD', factor: 25, opinions: 'c_total' },
  });
  expect(zscore.rows[0]).toMatchObject({ score: 77.38362069, deviation: 0.527277894 * 25, opinions: 105 });
  const plainMos = await readHumanScores(table(head + row), { column: 'MOS' });
  expect(plainMos).toMatchObject({
    otherColumns: ['MOS_zscore'],
    scale: { minimum: 1, maximum: 5 },
    deviations: { factor: 1 },
  });
});

test.each([
  ['KADID-10k', 'dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.5\n', 'kadid10k', 'dmos', true, [1, 5]],
  ['TID2013', '5.51429 I01_01_1.bmp\n', 'tid2013', 'MOS', true, [0, 9]],
  ['SPAQ', 'Image name,MOS,Brightness,Colorfulness,Contrast\n00001.jpg,35.2,1,2,3\n', 'spaq', 'MOS', true, [0, 100]],
  ['a DMOS', 'filename,DMOS\na.bmp,35\nb.bmp,12\n', null, 'DMOS', false, [12, 35]],
])('%s: column, direction and scale', async (_, data, dataset, column, higherIsBetter, [minimum, maximum]) => {
  const { dataset: found, column: taken, higherIsBetter: up, scale } = await readHumanScores(table(data));
  expect([found, taken, up, scale.minimum, scale.maximum]).toEqual([dataset, column, higherIsBetter, minimum, maximum]);
});

test('options say what a header does not', async () => {
  const scores = await readHumanScores(table('photo,rating,spread,people\nx.jpg,4,0.5,20\ny.jpg,2,1,25\n'), {
    column: 'rating',
    nameColumn: 'photo',
    higherIsBetter: false,
    scale: [0, 10],
    deviationColumn: 'spread',
    deviationFactor: 2,
    opinions: 'people',
  });
  expect(scores).toMatchObject({ higherIsBetter: false, scale: { minimum: 0, maximum: 10, from: 'option' } });
  expect(scores.rows[1]).toMatchObject({ score: 2, deviation: 2, opinions: 25 });
  await expectError('ERR_INVALID_ARGUMENT', /lower first/, () =>
    readHumanScores(table('image_name,MOS\na.jpg,1\n'), { scale: [5, 1] }),
  );
});
