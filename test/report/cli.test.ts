/** `hyperiqa report` as a command. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hyperiqa, photos, quick, scratch } from '../cli/cli.js';

test('images scored on the spot become a page with their thumbnails; the pictures are written on request', async () => {
  const folder = scratch();
  const output = join(folder, 'page.html');
  const inputs = ['kitten', 'kitten-blurred', 'lake'].map((name) => `${photos}/${name}.jpg`);
  const { code, stdout, stderr } = await hyperiqa([
    ...['report', ...inputs, '-o', output, '--crops', 'center', '--title', 'Three', ...quick()],
    ...['--pictures', join(folder, 'p'), '--picture-format', 'png'],
  ]);
  expect([code, stdout]).toEqual([0, '']);
  expect(stderr).toContain(`the report was written to ${output}, and 1 picture to`);
  const html = readFileSync(output, 'utf8');
  expect(html).toContain('<title>Three</title>');
  expect(html.match(/<img src="data:image\/webp/g)!.length).toBe(3);
  expect(readdirSync(join(folder, 'p')).join()).toMatch(/^histogram-.*\.png$/);
});

test.each([
  [['report'], /Name the predictions/],
  [['report', 'x.csv', '--group-by', 'set'], /--group-by needs --mos/],
  [['report', 'x.csv', '--mos-column', 'MOS'], /--mos-column needs --mos/],
  [['report', 'x.csv', '-o', 'x.jpg'], /name of an image/],
  [['report', 'x.csv', '--gallery', 'many'], /--gallery must be a whole number/],
  [['report', 'nowhere.csv', '--mos', 'nowhere.csv'], /nowhere\.csv cannot be read/],
])('%j is refused', async (args, message) => {
  const cwd = scratch();
  const { code, stderr } = await hyperiqa(args, { cwd });
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(existsSync(join(cwd, 'report.html'))).toBe(false);
});

test('a folder for pictures that cannot be made is an error of the output', async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, 'p.csv'), 'file,score\na.jpg,1\nb.jpg,2\n');
  const { code, stderr } = await hyperiqa(['report', 'p.csv', '--pictures', 'p.csv/x'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain('(ERR_OUTPUT)');
});
