/** The page in a browser, where one is installed (Chromium on the PATH, or its path in CHROMIUM), at the width of a desktop and of a phone. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import type { HyperIQA } from 'hyperiqa';
import type { FaceDetector } from 'hyperiqa/faces';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { image, listening, loadDetector, loadModel, root, type TestServer } from './server.js';

const candidates = [process.env.CHROMIUM ?? '', 'chromium', 'chromium-browser', 'google-chrome'];
const found = candidates.find((name) => name !== '' && spawnSync(name, ['--version']).status === 0);
if (found === undefined) {
  const words = 'The page is not tested: there is no Chromium (on the PATH, or its path in CHROMIUM).';
  if (process.env.CI) throw new Error(words);
  console.warn(words);
}
/** Folder for pictures of the page, for people to look at; unset, none are taken. */
const pictures = process.env.HYPERIQA_PAGE_PICTURES;

const photos = (...names: string[]) => names.map((name) => join(root, 'examples/photos', name));
const portraits = join(root, 'examples/face-study/photos/two-portraits.jpg');
const broken = join(root, 'test/fixtures/images/broken/text.jpg');

const widths = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
} as const;

describe.skipIf(found === undefined)('the page', () => {
  let browser: Browser;
  let iqa: HyperIQA;
  let detector: FaceDetector;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    [iqa, detector] = await Promise.all([loadModel(), loadDetector()]);
    const executablePath =
      spawnSync('which', [found ?? ''])
        .stdout.toString()
        .trim() || found!;
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
  });
  afterAll(async () => {
    await browser.close();
    for (const close of closing) await close();
    await Promise.all([iqa.dispose(), detector.dispose()]);
  });

  const serving = (options: Parameters<typeof listening>[0] = {}) =>
    listening({ models: { default: iqa }, faces: detector, ...options });

  /** A page that fails its test by any message on its console, and by any request to elsewhere. */
  async function opened(
    server: TestServer,
    options: Parameters<Browser['newContext']>[0] = widths.desktop,
    path = '/',
  ): Promise<Page> {
    const context = await browser.newContext({ acceptDownloads: true, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const messages: string[] = [];
    page.on('console', (message) => messages.push(message.text()));
    page.on('pageerror', (error) => messages.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('blob:')) messages.push(request.url());
    });
    onTestFinished(async () => {
      await context.close();
      expect(messages.filter((text) => !/status of 4(01|15)/.test(text))).toEqual([]);
    });
    await page.goto(`${server.url}${path}`);
    return page;
  }

  const done = (page: Page, count: number) => page.getByText(`${count} of ${count} photograph`).waitFor();

  async function picture(page: Page, name: string): Promise<void> {
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`) });
  }

  /** Findings of axe that keep people from using the page. */
  async function findings(page: Page): Promise<string[]> {
    const { violations } = await page.evaluate<{
      violations: { id: string; impact: string; nodes: { html: string }[] }[];
    }>(`(() => { ${axe.source}; return axe.run(); })()`);
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }

  describe.each(Object.entries(widths))('on a %s', (width, options) => {
    test.each(['light', 'dark'] as const)(
      '%s: photographs in, gallery, details with map and faces',
      async (colorScheme) => {
        const page = await opened(await serving(), { ...options, colorScheme });
        expect(await findings(page)).toEqual([]);
        await picture(page, `${width}-${colorScheme}-empty`);
        await page.getByLabel('Look for faces').check();
        await page
          .locator('#files')
          .setInputFiles([...photos('kitten.jpg', 'kitten-blurred.jpg', 'lake-noisy.jpg'), portraits, broken]);
        await done(page, 5);
        await page.getByText('1 without a score').waitFor();
        expect(await findings(page)).toEqual([]);
        await picture(page, `${width}-${colorScheme}-gallery`);
        // Nothing is wider than the screen.
        expect(
          await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth'),
        ).toBeLessThanOrEqual(0);

        await page.getByRole('button', { name: /two-portraits/ }).click();
        const dialog = page.getByRole('dialog', { name: 'two-portraits.jpg' });
        await dialog.waitFor();
        await expect.poll(() => dialog.locator('#boxes rect').count()).toBe(2);
        expect(await dialog.getByText(/On a scale from 0 to 100/).count()).toBe(1);
        await dialog.getByLabel('Quality map').check();
        await dialog.getByAltText('Quality map').waitFor();
        expect(await findings(page)).toEqual([]);
        await picture(page, `${width}-${colorScheme}-details`);
        // The map lies over the picture, and the faces where they are.
        const [map, photograph] = await Promise.all(
          ['#map', '#picture img:first-child'].map((one) => dialog.locator(one).boundingBox()),
        );
        for (const side of ['x', 'y', 'width', 'height'] as const) expect(map![side]).toBeCloseTo(photograph![side], 0);
        await dialog.getByRole('button', { name: 'Close' }).click();
        await dialog.waitFor({ state: 'hidden' });
      },
    );
  });

  test('is used by keyboard alone', async () => {
    const page = await opened(await serving());
    await page.locator('#files').setInputFiles(photos('kitten.jpg', 'lake-noisy.jpg', 'skyline.jpg'));
    await done(page, 3);
    // Tab order from the top: choice of files, faces, order, download, removal, then the cards.
    await page.locator('body').press('Tab');
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('files');
    const seen: string[] = [];
    for (let i = 0; i < 5; i++) {
      await page.keyboard.press('Tab');
      seen.push(await page.evaluate<string>('document.activeElement.id || document.activeElement.className'));
    }
    expect(seen).toEqual(['faces', 'sort', 'csv', 'clear', 'card']);
    await page.keyboard.press('Enter');
    const title = page.locator('#details-title');
    await expect.poll(() => title.textContent()).toBe('kitten.jpg');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => title.textContent()).toBe('lake-noisy.jpg');
    await page.keyboard.press('Escape');
    await page.locator('#details').waitFor({ state: 'hidden' });
    // The focus is on the card of the photograph that was seen last.
    expect(await page.evaluate<string>('document.activeElement.textContent')).toContain('lake-noisy.jpg');
  });

  test('sorts, downloads CSV, removes', async () => {
    const page = await opened(await serving());
    await page.locator('#files').setInputFiles([...photos('skyline.jpg', 'kitten-blurred.jpg', 'kitten.jpg'), broken]);
    await done(page, 4);
    const names = () => page.locator('.card .name').allTextContents();
    expect(await names()).toEqual(['skyline.jpg', 'kitten-blurred.jpg', 'kitten.jpg', 'text.jpg']);
    const scores = async () => (await page.locator('.card .score').allTextContents()).map(Number);
    await page.getByLabel('Sort by').selectOption('best');
    expect(await scores()).toEqual([...(await scores())].sort((a, b) => b - a));
    await page.getByLabel('Sort by').selectOption('worst');
    expect(await scores()).toEqual([...(await scores())].sort((a, b) => a - b));
    expect((await names()).at(-1)).toBe('text.jpg');
    await page.getByLabel('Sort by').selectOption('name');
    expect(await names()).toEqual(['kitten-blurred.jpg', 'kitten.jpg', 'skyline.jpg', 'text.jpg']);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('scores.csv');
    const lines = readFileSync(await download.path(), 'utf8')
      .trimEnd()
      .split('\r\n');
    expect(lines[0]).toMatch(/^file,score,standardError,spread,crops,width,height,warnings,/);
    expect(lines.map((line) => line.split(',')[0])).toEqual(['file', ...(await names())]);
    expect(lines.at(-1)).toContain('ERR_IMAGE_FORMAT');
    await page.getByRole('button', { name: 'Remove all' }).click();
    expect(await page.locator('#results').isHidden()).toBe(true);
  });

  test('takes dropped and pasted photographs', async () => {
    const page = await opened(await serving());
    const bytes = image('jpeg-420.jpg').toString('base64');
    const give = (type: 'drop' | 'paste') =>
      page.evaluate(`{
        const content = Uint8Array.from(atob('${bytes}'), (letter) => letter.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([content], '${type}.jpg', { type: 'image/jpeg' }));
        document.dispatchEvent(
          '${type}' === 'drop'
            ? new DragEvent('drop', { dataTransfer: transfer, cancelable: true, bubbles: true })
            : new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }),
        );
      }`);
    await give('drop');
    await give('paste');
    await done(page, 2);
    expect(await page.locator('.card .name').allTextContents()).toEqual(['drop.jpg', 'paste.jpg']);
  });

  test('asks for a token where the server does, and below a prefix', async () => {
    const token = 'a-token-of-many-letters';
    const server = await serving({ tokens: [token], prefix: '/quality' });
    // Without the last slash, too.
    const page = await opened(server, widths.phone, '/quality');
    await page.getByLabel('access token').fill('another-token-of-many');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('is not accepted').waitFor();
    await page.getByLabel('access token').fill(token);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.locator('#files').setInputFiles(photos('kitten.jpg'));
    await done(page, 1);
  });

  test('the API is tried on a page of its own', async () => {
    const page = await opened(await serving(), widths.desktop, '/docs/');
    await page.locator('#operations-images-score').waitFor();
    expect(await page.locator('.opblock').count()).toBeGreaterThan(5);
    await picture(page, 'docs');
  });
});
