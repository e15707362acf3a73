/** The links of the documentation lead somewhere, in the checkout and in the package. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { deadLinks, packedLinks } from '../../npm/lib/links.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
const packed = () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }];
  return new Set(files.map(({ path }) => path));
};

test('every relative link of a packed page leads into the package', () => {
  const files = packed();
  const pages = [...files].filter((path) => path.endsWith('.md'));
  expect(pages).toContain('README.md');
  expect(pages).toContain('docs/api.md');
  const dead = pages.flatMap((page) =>
    deadLinks(packedLinks(read(page), page, files), page, files).map((target) => `${page}: ${target}`),
  );
  expect(dead).toEqual([]);
});

test('in the checkout every one of them leads to a file', () => {
  const pages = [...packed()].filter((path) => path.endsWith('.md'));
  const missing = pages.flatMap((page) =>
    deadLinks(read(page), page, new Set())
      .filter((target) => !existsSync(posix.join(root, posix.dirname(page), target.replace(/#.*/, ''))))
      .map((target) => `${page}: ${target}`),
  );
  expect(missing).toEqual([]);
});

test('a link out of the package becomes an address, or its text', () => {
  const files = new Set(['docs/a.md', 'docs/b.md', 'models/x.pt']);
  const page = '[b](b.md#c) ![p](images/p.png) [e](../examples/e.mjs) [m](../models) [w](https://example.org) [h](#h)';
  expect(packedLinks(page, 'docs/a.md', files)).toBe('[b](b.md#c) p e [m](../models) [w](https://example.org) [h](#h)');
  expect(packedLinks(page, 'docs/a.md', files, 'https://example.org/r/blob/HEAD')).toBe(
    '[b](b.md#c) ![p](https://example.org/r/blob/HEAD/docs/images/p.png) ' +
      '[e](https://example.org/r/blob/HEAD/examples/e.mjs) [m](../models) [w](https://example.org) [h](#h)',
  );
  expect(deadLinks(page, 'docs/a.md', files)).toEqual(['images/p.png', '../examples/e.mjs']);
});
