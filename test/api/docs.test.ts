/** Checks that the pages of docs/ and the code name the same things. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { ERROR_CODES } from '../../src/errors.js';
import * as exporting from '../../src/export/index.js';
import * as faces from '../../src/faces/index.js';
import * as api from '../../src/index.js';
import * as maps from '../../src/maps/index.js';
import * as models from '../../src/models/index.js';
import * as runtime from '../../src/runtime/index.js';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const codesIn = (text: string, prefix: string) =>
  [...new Set(text.match(new RegExp(`\\b${prefix}_[A-Z_]+\\b`, 'g')))].sort();

test('docs/errors.md has every error and every warning, and no others', () => {
  const page = read('docs/errors.md');
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .join('\n');
  expect(codesIn(rows, 'ERR')).toEqual([...ERROR_CODES].sort());
  expect(codesIn(rows, 'WARN')).toEqual(
    codesIn(read('src/types.ts') + read('packages/evaluation/src/evaluation/types.ts'), 'WARN'),
  );
});

test('docs/api.md has every export', () => {
  const page = read('docs/api.md');
  const names = [api, exporting, faces, maps, models, runtime].flatMap((entry) => Object.keys(entry));
  expect(names.filter((name) => !page.includes(name))).toEqual([]);
});

test('docs/protocols.md has every protocol', () => {
  const page = read('docs/protocols.md');
  expect(api.protocolNames.filter((name) => !new RegExp(`^\\| \`${name}\` +\\|`, 'm').test(page))).toEqual([]);
});
