/** The metrics run without Node.js and without hyperiqa: nothing that they load, however far away, is of either. */
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

const entry = fileURLToPath(new URL('../../dist/metrics/index.js', import.meta.url));

/** All modules that a module loads, with their names as they are imported. */
function modulesOf(file: string, found = new Map<string, Set<string>>()): Map<string, Set<string>> {
  if (found.has(file)) return found;
  const names = new Set(
    ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles.map((one) => one.fileName),
  );
  found.set(file, names);
  for (const name of names) {
    const url = name.startsWith('.') ? pathToFileURL(join(dirname(file), name)).href : import.meta.resolve(name);
    if (url.startsWith('file:')) modulesOf(fileURLToPath(url), found);
  }
  return found;
}

test('no module of Node.js and none of hyperiqa is loaded', () => {
  expect(existsSync(entry)).toBe(true);
  const modules = modulesOf(entry);
  expect(modules.size).toBeGreaterThan(15);
  const outside = [...modules.values()].flatMap((names) => [...names].filter((name) => !name.startsWith('.')));
  expect(outside.filter((name) => name.startsWith('node:') || builtinModules.includes(name))).toEqual([]);
  expect(outside.filter((name) => !name.startsWith('pure-rand'))).toEqual([]);
});

test('no global of Node.js is used', () => {
  const code = [...modulesOf(entry).keys()]
    .map(
      (file) =>
        ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions: { removeComments: true } }).outputText,
    )
    .join('\n');
  expect(code).not.toMatch(/(?<![.\w'"])(?:process|Buffer|require|__dirname|global)\b/);
});
