// Makes the Python environment of the project (PyTorch and the test tools of models/) and prints its interpreter.
// Kept in the cache folder, made anew when the requirements change. HYPERIQA_PYTHON names an interpreter to use instead.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { cacheFolder } from './lib/typescript.mjs';

/** @param {string} name folder name in the cache  @param {string} requirements file with exact pins */
export function pythonEnvironment(name, requirements) {
  const folder = join(cacheFolder(), name);
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const stampFile = join(folder, 'hyperiqa-requirements.sha256');
  const stamp = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(python) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return python;

  mkdirSync(cacheFolder(), { recursive: true });
  console.error(`Installing the Python environment "${name}" into ${folder}`);
  const create = () => run('python3', ['-m', 'venv', folder], { what: 'python3 with its venv module' });
  if (!existsSync(python)) create();
  try {
    run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  } catch {
    // An environment left behind by another version or an interrupted run may be beyond repair: once more from nothing.
    rmSync(folder, { recursive: true, force: true });
    create();
    run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  }
  writeFileSync(stampFile, stamp);
  return python;
}

/** The interpreter that runs models/: HYPERIQA_PYTHON, or the project's own environment. */
export function modelsPython() {
  return process.env.HYPERIQA_PYTHON ?? pythonEnvironment('python', join(root, 'models/requirements-dev.txt'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(modelsPython());
