/** `hyperiqa report` as a command. */
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hyperiqa, photos, quick, scratch } from '../../../../test/cli/cli.js';

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

test('--no-picture leaves pictures and gallery out, and --json says what was written', async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, 'p.csv'), 'file,score\na.jpg,1\nb.jpg,2\nc.jpg,4\n');
  writeFileSync(join(cwd, 'mos.csv'), 'file,MOS\na.jpg,10\nb.jpg,20\nc.jpg,30\n');
  const args = ['report', 'p.csv', '--mos', 'mos.csv', '--replicates', '0'];
  const drawn = await hyperiqa([...args, '--pictures', 'plots', '--json'], { cwd });
  expect(drawn.code).toBe(0);
  const { output, pictures, warnings } = JSON.parse(drawn.stdout) as {
    output: string;
    pictures: string[];
    warnings: unknown[];
  };
  expect(output).toBe('report.html');
  expect(pictures).toHaveLength(readdirSync(join(cwd, 'plots')).length);
  expect(pictures.every((path) => existsSync(join(cwd, path)))).toBe(true);
  expect(warnings).toMatchObject([{ code: 'WARN_FIT' }]);
  expect(readFileSync(join(cwd, 'report.html'), 'utf8')).toMatch(/<figure data-plot[^]*<section id="gallery"/);
  const plain = await hyperiqa([...args, '--no-picture', '--json'], { cwd });
  expect(JSON.parse(plain.stdout)).toEqual({ output: 'report.html', pictures: [], warnings });
  const html = readFileSync(join(cwd, 'report.html'), 'utf8');
  expect(html).toMatch(/<section id="figures"[^]*<section id="images"/);
  expect(html).not.toMatch(/<figure|<section id="(pictures|gallery)"|<img/);
});

test.each([
  [['report'], /Name the predictions/],
  [['report', 'x.csv', '--pictures', 'p', '--no-picture'], /--pictures and --no-picture cannot both be/],
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

test('a predictor without any image: exit code 1, and a page that says so with every dropped row by reason', async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, 'p.csv'), 'file,score\nx/a.jpg,1\nx/b.jpg,2\nx/c.jpg,4\n');
  writeFileSync(join(cwd, 'q.csv'), 'file,score\nd.jpg,1\na.jpg,\n');
  writeFileSync(join(cwd, 'mos.csv'), 'file,MOS\na.jpg,10\nb.jpg,20\nc.jpg,30\n');
  const { code, stderr } = await hyperiqa(['report', 'p.csv', 'q.csv', '--mos', 'mos.csv', '--replicates', '0'], {
    cwd,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/q has no figures.*WARN_NO_IMAGES/);
  const html = readFileSync(join(cwd, 'report.html'), 'utf8');
  expect(html).toContain('WARN_NO_IMAGES');
  expect(html).toContain('3 of 3 rows of p.csv: 3 by base-name');
  expect(html).toContain('0 of 2 rows of q.csv');
  expect(html).toContain('2 dropped rows: 1 no-match, 1 no-value');
});

test('without human scores rows are joined and accounted for, too', async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, 'p.csv'), 'file,score\nx/a.jpg,1\nx/b.jpg,2\nx/b.jpg,3\n');
  writeFileSync(join(cwd, 'q.csv'), 'file,score\na.jpg,5\nb.jpg,6\n');
  const { code } = await hyperiqa(['report', 'p.csv', 'q.csv'], { cwd });
  expect(code).toBe(0);
  const html = readFileSync(join(cwd, 'report.html'), 'utf8');
  expect(html).toContain('2 images, scored by p, q');
  expect(html).toContain('1 dropped row: 1 duplicate');
});

test('pictures overwrite no input and do not lie among the images', async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, 'histogram-score.svg'), 'file,score\na.jpg,1\nb.jpg,2\n');
  mkdirSync(join(cwd, 'photos', 'in'), { recursive: true });
  symlinkSync('photos', join(cwd, 'link'));
  const run = (...args: string[]) => hyperiqa(['report', 'histogram-score.svg', ...args], { cwd });
  const own = await run('--pictures', '.');
  expect(own.stderr).toMatch(/histogram-score\.svg cannot be written: it is there and is an input.*ERR_OUTPUT/);
  expect(readFileSync(join(cwd, 'histogram-score.svg'), 'utf8')).toBe('file,score\na.jpg,1\nb.jpg,2\n');
  for (const folder of ['photos', 'link', 'photos/in', 'photos/new']) {
    const { code, stderr } = await run('--images', 'photos', '--pictures', folder);
    expect(code).toBe(2);
    expect(stderr).toMatch(/The pictures would lie among those of photos.*ERR_OUTPUT/);
  }
  expect(existsSync(join(cwd, 'report.html'))).toBe(false);
  expect((await run('--images', 'photos', '--pictures', 'photos-pictures')).code).toBe(0);
});

test('a folder for pictures that cannot be made is an error of the output', async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, 'p.csv'), 'file,score\na.jpg,1\nb.jpg,2\n');
  const { code, stderr } = await hyperiqa(['report', 'p.csv', '--pictures', 'p.csv/x'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain('(ERR_OUTPUT)');
});
