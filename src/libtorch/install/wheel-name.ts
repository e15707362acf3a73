/** Names of wheels (PyPA's binary distribution format): which project, version and platform. */

export interface WheelName {
  /** Normalised (PEP 503): small letters and dashes. */
  project: string;
  /** Without its local part: `2.13.0`. */
  version: string;
  /** The local part: `cu130` of `2.13.0+cu130`; empty where there is none. */
  local: string;
  /** `cp311` … */
  python: string[];
  abi: string[];
  platforms: string[];
}

/** The parts of a wheel's file name; undefined for any other name. */
export function parseWheelName(file: string): WheelName | undefined {
  if (!file.endsWith('.whl')) return undefined;
  const parts = file.slice(0, -'.whl'.length).split('-');
  if (parts.length !== 5 && parts.length !== 6) return undefined;
  const [project = '', full = ''] = parts;
  const [python = '', abi = '', platform = ''] = parts.slice(-3);
  const [version = '', local = ''] = full.split('+');
  return {
    project: normalised(project),
    version,
    local,
    python: python.split('.'),
    abi: abi.split('.'),
    platforms: platform.split('.'),
  };
}

/** A project's name as an index has it in its addresses. */
export const normalised = (project: string): string => project.replace(/[-_.]+/g, '-').toLowerCase();

const MACHINES: Record<string, Record<string, string>> = {
  linux: { x64: 'x86_64', arm64: 'aarch64' },
  darwin: { x64: 'x86_64', arm64: 'arm64' },
  win32: { x64: 'amd64', arm64: 'arm64' },
};
/** glibc versions behind manylinux's older names. */
const ALIASES: Record<string, string> = { manylinux1: '2.5', manylinux2010: '2.12', manylinux2014: '2.17' };

/** The glibc that a platform tag asks for: `2.28`; undefined for a tag of another kind. */
function glibcOf(tag: string): string | undefined {
  const [, major, minor] = /^manylinux_(\d+)_(\d+)_/.exec(tag) ?? [];
  if (major !== undefined && minor !== undefined) return `${major}.${minor}`;
  return ALIASES[/^(manylinux\d+)_/.exec(tag)?.[1] ?? ''];
}

/**
 * Tests whether a wheel of these platform tags runs on a system.
 *
 * @param system Node's names; `glibc` undefined where the C library is another one.
 */
export function runsOn(
  tags: readonly string[],
  system: { platform: string; arch: string; glibc?: string | undefined },
): boolean {
  const machine = MACHINES[system.platform]?.[system.arch];
  return tags.some((tag) => {
    if (tag === 'any') return true;
    if (machine === undefined || !tag.endsWith(`_${machine}`)) return false;
    if (system.platform === 'win32') return tag.startsWith('win_');
    if (system.platform === 'darwin') return tag.startsWith('macosx_');
    const needed = tag.startsWith('linux_') ? '0.0' : glibcOf(tag);
    return needed !== undefined && system.glibc !== undefined && !isOlder(system.glibc, needed);
  });
}

/** Tests whether a version is below another, number by number. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a?.length ?? 0, b?.length ?? 0); ++i) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
