/** Models of generated weights for tests: made once by models/make_test_model.py, kept in the cache folder. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cacheFolder } from '../../src/support/cache-folder.js';

const sources = fileURLToPath(new URL('../../models/', import.meta.url));
const folder = join(cacheFolder()!, 'test-models');
const mark = join(folder, 'made-from.sha256');

export type TestModel = 'resnet50' | 'lite0';

/** Path of a test model. @throws Error where `makeTestModels` could not make it */
export function testModel(name: TestModel): string {
  const path = join(folder, `hyperiqa-test-${name}.pt`);
  if (!existsSync(path)) {
    throw new Error(`The test model ${path} is not there: run "npm test", which sets up the Python that makes it.`);
  }
  return path;
}

/** Makes the test models where they are missing, or were made by other sources than these. */
export function makeTestModels(): void {
  const wanted = hashOfSources();
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  mkdirSync(folder, { recursive: true });
  // Made aside and moved: whoever is reading a model of the same name keeps a whole one.
  const made = mkdtempSync(join(folder, 'new-'));
  try {
    execFileSync(python(), [join(sources, 'make_test_model.py'), made], { stdio: ['ignore', 'ignore', 'inherit'] });
    for (const file of readdirSync(made)) renameSync(join(made, file), join(folder, file));
    writeFileSync(mark, wanted);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function python(): string {
  return process.env.HYPERIQA_PYTHON ?? join(cacheFolder()!, 'python', 'bin', 'python');
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  const modules = readdirSync(join(sources, 'hyperiqa')).filter((name) => name.endsWith('.py'));
  for (const file of ['make_test_model.py', ...modules.sort().map((name) => join('hyperiqa', name))]) {
    hash.update(file).update(readFileSync(join(sources, file)));
  }
  return hash.digest('hex');
}
