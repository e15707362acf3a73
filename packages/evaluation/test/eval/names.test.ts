/**
 * Tests which row a name means: in any way of writing, never the wrong one, and in time that grows with the text
 * alone.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical, foldersOf, NameIndex } from '../../src/evaluation/names.js';
import { SuffixIndex } from '../../src/evaluation/suffix-index.js';

const seeded = { seed: 20, numRuns: 500 };

/** Meaning of a name among others, as text. */
function find(names: readonly string[], name: string, others: readonly string[] = [name]): string {
  const found = new NameIndex(names).find(name, foldersOf(others));
  if (found === undefined) return 'nothing';
  if ('candidates' in found) return `one of ${found.candidates.map((row) => names[row]).join(' ')}`;
  if ('elsewhere' in found) return `not ${names[found.elsewhere] ?? ''}`;
  return `${names[found.row] ?? ''} by ${found.by}`;
}

test.each([
  ['a.jpg', ['a.jpg', 'b.jpg'], 'a.jpg by exact'],
  ['./a.jpg', ['a.jpg'], 'a.jpg by normalized'],
  ['x\\y\\a.jpg', ['x/y/a.jpg'], 'x/y/a.jpg by normalized'],
  ['/x//z/../y/./a.jpg', ['x/y/a.jpg'], 'x/y/a.jpg by normalized'],
  ['Zu\u0308rich.jpg', ['Z\u00fcrich.jpg'], 'Z\u00fcrich.jpg by normalized'],
  ['C:\\photos\\a\\0.jpg', ['a/0.jpg', 'b/0.jpg'], 'a/0.jpg by path-suffix'],
  ['../photos/a.jpg', ['a.jpg'], 'a.jpg by base-name'],
  ['a.jpg', ['koniq/a.jpg'], 'koniq/a.jpg by base-name'],
  ['photos/a.jpg', ['koniq/a.jpg'], 'koniq/a.jpg by base-name'],
  ['x/0.jpg', ['0.jpg', 'a/0.jpg'], '0.jpg by base-name'],
  ['0.jpg', ['a/0.jpg', 'b/0.jpg'], 'one of a/0.jpg b/0.jpg'],
  ['x/0.jpg', ['a/0.jpg', 'b/0.jpg'], 'one of a/0.jpg b/0.jpg'],
  ['A.JPG', ['a.jpg', 'a.png'], 'a.jpg by ignoring-case'],
  ['A/x.jpg', ['a/x.jpg', 'b/x.jpg'], 'a/x.jpg by ignoring-case'],
  ['A.jpg', ['a.JPG', 'a.Jpg'], 'one of a.JPG a.Jpg'],
  ['a', ['a.jpg'], 'a.jpg by stem'],
  ['a.png', ['a.jpg'], 'a.jpg by stem'],
  ['a/x.png', ['a/x.jpg', 'b/x.png'], 'a/x.jpg by stem'],
  ['a.png', ['a.jpg', 'a.bmp'], 'one of a.jpg a.bmp'],
  ['I01.BMP', ['i01.png'], 'i01.png by stem-ignoring-case'],
  // The text after the last dot is no extension here.
  ['noise-0.5', ['noise-0.7'], 'nothing'],
  ['a%20b.jpg', ['a b.jpg'], 'nothing'],
  ['__proto__', ['constructor', 'toString'], 'nothing'],
  ['x/__proto__', ['__proto__'], '__proto__ by base-name'],
])('%s among %j is %s', (name, names, meaning) => {
  expect(find(names, name)).toBe(meaning);
});

test('a folder that tells images of the other table apart is not overlooked', () => {
  const names = ['a/1.jpg', 'a/3.jpg', 'b/1.jpg', 'b/4.jpg'];
  expect(find(names, 'b/3.jpg', ['b/3.jpg', 'b/4.jpg'])).toBe('not a/3.jpg');
  expect(find(['a/3.jpg'], 'b/3.jpg', ['a/1.jpg', 'b/3.jpg'])).toBe('not a/3.jpg');
  // All images of a table in one folder say nothing.
  expect(
    find(['koniq/3.jpg', 'koniq/4.jpg'], '/koniq/512x384/3.jpg', ['/koniq/512x384/3.jpg', '/koniq/512x384/4.jpg']),
  ).toBe('koniq/3.jpg by base-name');
});

test.each([
  ['a.jpg', 'a.jpg'],
  ['/', '/'],
  ['..', '..'],
  ['a/../../b', 'b'],
  ['a/b/', 'a/b'],
  ['...', '...'],
  ['a/.hidden', 'a/.hidden'],
])('%s is written %s', (name, path) => {
  expect(canonical(name)).toBe(path);
});

const part = fc.constantFrom('a', 'b', 'c', '0.jpg', '1.jpg', 'é', '__proto__');
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const paths = fc.uniqueArray(path, { minLength: 1, maxLength: 30 });

test('the index by suffixes finds what a comparison with every path finds', () => {
  fc.assert(
    fc.property(paths, path, (all, wanted) => {
      const shared = (one: string) => {
        const [a, b] = [one.split('/').reverse(), wanted.split('/').reverse()];
        const differing = a.findIndex((value, i) => value !== b[i]);
        return differing < 0 ? a.length : differing;
      };
      const most = Math.max(...all.map(shared));
      const best = all.filter((one) => shared(one) === most);
      const whole = best.filter((one) => one.split('/').length === most);
      const found = new SuffixIndex(all).find(wanted);
      const [only] = whole.length === 1 ? whole : best;
      if (most === 0) {
        expect(found).toBeUndefined();
      } else if (whole.length === 1 || best.length === 1) {
        expect(found).toEqual({ row: all.indexOf(only!), shared: most });
      } else {
        const { candidates } = found as { candidates: readonly number[] };
        expect(new Set(candidates).size).toBe(Math.min(best.length, 4));
        expect(candidates.every((row) => best.includes(all[row]!))).toBe(true);
      }
    }),
    seeded,
  );
});

test('a name in another way of writing, in folders of its own, means the row it was made from', () => {
  const writing = fc.record({
    folders: fc.array(fc.constantFrom('photos', 'data', 'Zürich'), { maxLength: 3 }),
    separator: fc.constantFrom('/', '\\', '//', '/./'),
    form: fc.constantFrom('NFC' as const, 'NFD' as const),
    start: fc.constantFrom('', './', '/', '../', 'C:\\'),
  });
  fc.assert(
    fc.property(paths, fc.nat(), writing, (all, at, { folders, separator, form, start }) => {
      const row = at % all.length;
      const name = start + [...folders, ...all[row]!.split('/')].join(separator).normalize(form);
      const found = new NameIndex(all).find(name, foldersOf([name]));
      expect(found).toMatchObject({ row });
    }),
    seeded,
  );
});

test('steps of a search do not grow with the number of files of one name, nor with the depth of paths', () => {
  // Quadratic work on these would take hours.
  const many = Array.from({ length: 200_000 }, (_, i) => `${i}/image.jpg`);
  const index = new NameIndex(many);
  const folders = foldersOf(many);
  expect(many.every((name, i) => (index.find(`x/${name}`, folders) as { row: number }).row === i)).toBe(true);
  const deep = 'a/'.repeat(200_000);
  expect(find([`${deep}x.jpg`, `b/${deep}x.jpg`, `c/${deep}x.jpg`], `d/${deep}x.jpg`)).toMatch(/^a\/.*by path-suffix$/);
});
