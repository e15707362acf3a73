/** The page in a browser, where one is installed (Chromium on the PATH, or its path in CHROMIUM). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hyperiqa } from '../../../../test/cli/cli.js';
import { parse } from './html.js';

const browser = [process.env.CHROMIUM ?? '', 'chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => name !== '' && spawnSync(name, ['--version']).status === 0,
);
if (browser === undefined) {
  const words = 'Reports are not tested in a browser: there is no Chromium (on the PATH, or its path in CHROMIUM).';
  if (process.env.CI) throw new Error(words);
  console.warn(words);
}

describe.skipIf(browser === undefined)('in a browser', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hyperiqa-browser-'));
    const koniq = 'packages/evaluation/test/metrics/fixtures/koniq.csv';
    const { code, stderr } = await hyperiqa([
      ...['report', koniq, '--mos', koniq, '--replicates', '0', '--group-by', 'set', '-o', join(folder, 'r.html')],
      ...['--pictures', join(folder, 'pictures')],
    ]);
    expect(stderr).toContain('and 7 pictures to');
    expect(code).toBe(0);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** The page after it has run, with a script of the test's own at its end. */
  function opened(script: string) {
    const file = join(folder, 'probe.html');
    const page = readFileSync(join(folder, 'r.html'), 'utf8');
    writeFileSync(file, page.replace('</body>', `<pre id="probe"></pre><script>${script}</script></body>`));
    const args = [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update', '--enable-logging=stderr'],
      ...[
        `--user-data-dir=${join(folder, 'profile')}`,
        '--window-size=1280,900',
        '--dump-dom',
        pathToFileURL(file).href,
      ],
    ];
    const { stdout, stderr } = spawnSync(browser ?? '', args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    return {
      document: parse(stdout),
      console: stderr.split('\n').filter((line) => line.includes('CONSOLE')),
    };
  }

  test('the table of images is filled page by page, sorts and filters, without a message on the console', () => {
    const probe = `
      const names = () => [...document.querySelectorAll('#all tbody th')].map((cell) => cell.textContent);
      const place = () => document.getElementById('place').textContent;
      const seen = [names().length, place()];
      document.getElementById('next').click();
      seen.push(place());
      const mos = document.querySelectorAll('#all thead button')[1];
      mos.click(); mos.click();
      seen.push(document.querySelector('#all tbody td').textContent);
      const find = document.getElementById('find');
      find.value = '10004473376'; find.dispatchEvent(new Event('input'));
      seen.push(names().join(), place());
      const filter = document.querySelector('[data-filter]');
      filter.value = 'test'; filter.dispatchEvent(new Event('input'));
      seen.push([...document.querySelectorAll('#metrics tbody tr')].filter((row) => !row.hidden).length);
      document.querySelectorAll('#metrics thead button')[3].click();
      seen.push(document.querySelector('#metrics tbody th').textContent);
      document.getElementById('probe').textContent = JSON.stringify(seen);`;
    const { document, console } = opened(probe);
    expect(console).toEqual([]);
    expect(JSON.parse(document.getElementById('probe')!.textContent)).toEqual([
      ...[50, '1 to 50 of 10073 images', '51 to 100 of 10073 images', '88.389'],
      ...['10004473376.jpg', '1 to 1 of 1 images', 2, 'brisque'],
    ]);
  });

  test('the dot under the pointer is named', () => {
    const probe = `
      const figure = document.querySelectorAll('figure')[1];
      const svg = figure.querySelector('svg');
      svg.scrollIntoView();
      const [x, y] = figure.querySelectorAll('g.dots path')[3].getAttribute('d').slice(1).split(/[ h]/).map(Number);
      const box = svg.getBoundingClientRect();
      const scale = box.width / svg.viewBox.baseVal.width;
      figure.querySelector('.plot').dispatchEvent(
        new PointerEvent('pointermove', { clientX: box.left + x * scale, clientY: box.top + y * scale }));
      document.getElementById('probe').textContent = document.getElementById('tip').textContent;`;
    const { document, console } = opened(probe);
    expect(console).toEqual([]);
    // Dot 0 of layer 3 is the fourth image, unless another one lies under it.
    const data = JSON.parse(document.getElementById('data')!.textContent) as { names: string[] };
    expect(document.getElementById('probe')!.textContent).toMatch(/^\d+\.jpg: MOS [\d.]+, hyperiqa [\d.]+, brisque/);
    expect(document.getElementById('probe')!.textContent).toContain(data.names[3]);
  });
});
