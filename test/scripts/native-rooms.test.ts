/** The check of the engine's rooms finds a cycle of rooms and one of files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { checkNativeRooms } from '../../scripts/native-rooms.mjs';

function engine(files: Record<string, string[]>): string {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-rooms-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  for (const [name, includes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), includes.map((include) => `#include "${include}"\n`).join(''));
  }
  return folder;
}

test('arrows one way', () => {
  const rooms = checkNativeRooms(
    engine({ 'model/a.h': ['support/b.h', 'c.h'], 'model/c.h': ['ATen/ops/ones.h'], 'support/b.h': [] }),
  );
  expect([...rooms]).toEqual([
    ['model', new Set(['support'])],
    ['support', new Set()],
  ]);
});

test('rooms that include each other, though no file does', () => {
  const folder = engine({
    'model/a.h': ['support/b.h'],
    'model/c.h': [],
    'support/b.h': [],
    'support/d.h': ['model/c.h'],
  });
  expect(() => checkNativeRooms(folder)).toThrow(/cycle of rooms .*: model → support → model\.$/);
});

test('files that include each other', () => {
  const folder = engine({ 'model/a.h': ['b.h'], 'model/b.h': ['model/a.h'] });
  expect(() => checkNativeRooms(folder)).toThrow(/cycle of files .*: model\/a\.h → model\/b\.h → model\/a\.h\.$/);
});

test("the engine's own", () => {
  expect(() => checkNativeRooms()).not.toThrow();
});
