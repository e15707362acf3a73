// The licence texts of a LibTorch package: every library's, in files that are short enough in number and name for Windows.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Failure } from '../../scripts/lib/run.mjs';

const OURS = fileURLToPath(new URL('../licences/', import.meta.url));

/**
 * Writes `licences/` and LICENSES.md into the package.
 * @param {{ libraries: string[], rules: object[], libtorch: string, licences?: string, stage: string }} options
 *   libraries: names; rules: `licences` of the platform; libtorch: the folder that holds lib; licences: folder with the
 *   texts of PyTorch and, in a CUDA build, NVIDIA, where they do not lie beside LibTorch as pip leaves them
 * @throws {Failure} a library without a recorded licence, or a text that is not there
 */
export function writeLicences({ libraries, rules, libtorch, licences, stage }) {
  const rows = libraries.map((name) => {
    const rule = rules.find((candidate) => candidate.name.test(name));
    if (rule === undefined) throw new Failure(`No licence is recorded for ${name}: add it to npm/platforms.mjs first.`);
    return { ...rule, name };
  });
  const folder = join(stage, 'licences');
  mkdirSync(folder);
  for (const text of new Set(rows.flatMap((row) => row.texts))) {
    writeFileSync(join(folder, text), readText(text, libtorch, licences));
  }
  const table = rows.map(
    ({ name, what, texts }) =>
      `| ${name} | ${what} | ${texts.map((text) => `[${text}](licences/${text})`).join(', ')} |`,
  );
  writeFileSync(
    join(stage, 'LICENSES.md'),
    [
      '# Licences',
      '',
      "The libraries are those of PyTorch's own distribution. Of those that we may change, the symbol tables for",
      'debuggers were removed; nothing else was changed.',
      '',
      '| file | what | licence |',
      '| ---- | ---- | ------- |',
      ...table,
      '',
    ].join('\n'),
  );
}

function readText(text, libtorch, licences) {
  const own = join(OURS, text);
  if (existsSync(own)) return readFileSync(own);
  const wanted = { 'pytorch.txt': /^torch-/, 'nvidia.txt': /^nvidia_/ }[text];
  const parent = licences ?? dirname(libtorch);
  const folders = readdirSync(parent).filter((name) => wanted.test(name) && existsSync(join(parent, name, 'licenses')));
  if (folders.length === 0) {
    throw new Failure(
      `There is no ${text === 'pytorch.txt' ? 'torch-*' : 'nvidia_*'}.dist-info/licenses in ${parent}: name the folder ` +
        "that holds the wheels' *.dist-info folders with --licences.",
    );
  }
  return concatenate(
    parent,
    folders.map((name) => `${name}/licenses`),
  );
}

/** All files below the folders. Equal texts (NVIDIA's wheels carry the same one) are given once, under all their names. */
function concatenate(parent, folders) {
  const names = new Map();
  for (const folder of folders) {
    for (const entry of readdirSync(join(parent, folder), { recursive: true }).sort()) {
      const name = `${folder}/${entry.replaceAll('\\', '/')}`;
      if (!statSync(join(parent, name)).isFile()) continue;
      const text = readFileSync(join(parent, name), 'utf8');
      names.set(text, [...(names.get(text) ?? []), name]);
    }
  }
  const line = '='.repeat(100);
  return [...names].map(([text, titles]) => `${line}\n${titles.join('\n')}\n${line}\n\n${text}\n`).join('\n');
}
