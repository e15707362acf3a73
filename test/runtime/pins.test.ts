import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Wheel {
  project: string;
  version: string;
  sha256: string;
  kinds: string[];
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('a checkout and an installed runtime have the same LibTorch', () => {
  const { platforms } = JSON.parse(read('src/runtime/wheels.json')) as { platforms: Record<string, Wheel[]> };
  const requirements = read('scripts/requirements-libtorch.txt').replaceAll('\\\n', ' ');
  const pinned = [...requirements.matchAll(/^([\w-]+)==(\S+)\s(.*)$/gm)].map(([, project, version, hashes]) => ({
    project,
    version,
    hashes: [...hashes!.matchAll(/sha256:([0-9a-f]{64})/g)].map(([, hash]) => hash),
  }));
  expect(pinned.map(({ project }) => project)).toContain('torch');
  for (const { project, version, hashes } of pinned) {
    for (const platform of ['linux-x64', 'linux-arm64']) {
      const wheel = platforms[platform]?.find((entry) => entry.project === project && entry.kinds.includes('cpu'));
      expect(wheel, `${project} on ${platform}`).toMatchObject({ version });
      expect(hashes).toContain(wheel!.sha256);
    }
  }
});
