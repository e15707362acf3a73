/** Outputs that cannot grow: a limit on the size of files, and where this user may mount one, a small disk. */
import { execFileSync } from 'node:child_process';
import { expect } from 'vitest';

import { hyperiqa, photos, quick } from '../../cli/cli.js';
import { Project } from '../runs.js';
import type { Scenario } from '../scenario.js';

/** The least that a tmpfs grows by, bytes. */
const PAGE = 4096;

export const scenario: Scenario = {
  about: 'a full disk: exit code 2 with the reason, whole records only, and --resume goes on when there is room',
  async round(context) {
    const { random } = context;
    const project = await Project.make(context);
    const pages = Math.floor((project.size - 1) / PAGE);
    const small = pages > 0 ? smallDisk(project.results, random.int(1, pages) * PAGE) : undefined;
    try {
      const limit = random.int(1, Math.floor((project.size - 1) / 1024));
      // SIGXFSZ is ignored, so that the write fails as on a disk.
      const { code, stderr } = await project.run(`trap '' XFSZ; ulimit -f ${limit}; exec "$@"`).ended;
      expect([code, stderr]).toEqual([2, expect.stringMatching(/cannot be written.*\(ERR_OUTPUT\)\n$/)]);
      const kept = project.written(false);
      let onDisk = '';
      if (small) {
        const full = await project.run().ended;
        expect([full.code, full.stderr]).toEqual([
          2,
          expect.stringMatching(/(no space|cannot be put in order).*ERR_OUTPUT/i),
        ]);
        onDisk = `, small disk ${project.written(false)}`;
        small.grow();
      }
      await project.finish();
      const device = await hyperiqa(['score', `${photos}/lake.jpg`, ...quick(), '-o', '/dev/full']);
      expect([device.code, device.stderr]).toEqual([2, expect.stringContaining('ERR_OUTPUT')]);
      return `${project.expected.length} images; records kept: ${limit} KiB ${kept}${onDisk}`;
    } finally {
      small?.remove();
    }
  },
};

interface Disk {
  grow(): void;
  remove(): void;
}

/** A disk of so many bytes; undefined where this user may mount none. */
function smallDisk(path: string, bytes: number): Disk | undefined {
  const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'ignore' });
  try {
    mount('-t', 'tmpfs', '-o', `size=${bytes}`, 'hyperiqa-chaos', path);
  } catch {
    return undefined;
  }
  return {
    grow: () => mount('-o', 'remount,size=16m', path),
    remove: () => execFileSync('umount', [path]),
  };
}
