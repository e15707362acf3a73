// Once before the proof: packs everything, starts a registry that has it, and at the end prints what was measured.
// HYPERIQA_PROOF_PACKAGES: folder that npm/pack.mjs has filled before, whose packages are then the ones proven.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { root } from '../../scripts/lib/paths.mjs';
import { capture } from '../../scripts/lib/run.mjs';
import { megabytes, pack } from '../pack.mjs';
import { startRegistry } from './registry.mjs';
import { provideTools } from './tools.mjs';

export const PHOTO = join(root, 'examples/photos/kitten.jpg');

export default async function setup({ provide }) {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-proof-'));
  const measured = join(folder, 'measured.txt');
  writeFileSync(measured, '');
  const tools = provideTools();
  const packages = await packed(join(folder, 'packages'));
  for (const { name, version, bytes, unpackedBytes } of packages) {
    appendFileSync(measured, `${name}@${version}\t${megabytes(bytes)} packed, ${megabytes(unpackedBytes)} unpacked\n`);
  }
  console.error('Publishing to a local registry …');
  const registry = await startRegistry({
    folder: join(folder, 'registry'),
    node: tools.nodes['22'],
    verdaccio: tools.verdaccio,
  });
  const end = () => {
    registry.stop();
    const lines = existsSync(measured) ? readFileSync(measured, 'utf8').trim().split('\n') : [];
    console.log(['', 'Measured:', ...lines.map((line) => `  ${line.replace('\t', ': ')}`), ''].join('\n'));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const { file } of packages) registry.publish(file);
    // Scores of the checkout, which the installed package must reproduce.
    const cli = join(root, 'dist/cli/main.js');
    const { score } = JSON.parse(capture(process.execPath, [cli, 'score', PHOTO, '--format', 'jsonl', '--quiet']));
    provide('proof', { folder, measured, packages, registry: registry.url, score });
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

function packed(out) {
  const given = process.env.HYPERIQA_PROOF_PACKAGES;
  if (given) return JSON.parse(readFileSync(join(resolve(given), 'packages.json'), 'utf8'));
  console.error('Packing …');
  return pack({ out });
}
