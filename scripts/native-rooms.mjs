// Folders of native/engine are rooms; the includes between them, and between headers, have no cycles.
//   node scripts/native-rooms.mjs      prints what each room includes; fails where there is a cycle
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { root } from './lib/paths.mjs';
import { Failure, main } from './lib/run.mjs';

const INCLUDE = /^\s*#\s*include\s+"([^"]+)"/gm;
/** The room of files that lie in the engine's folder itself. */
const TOP = '.';

/**
 * @param {string} engine folder of the sources
 * @returns {{ files: Map<string, Set<string>>, rooms: Map<string, Set<string>> }} what each file and each room includes
 */
function includes(engine) {
  const names = readdirSync(engine, { recursive: true })
    .filter((name) => /\.(cpp|h)$/.test(name))
    .map((name) => name.replaceAll('\\', '/'));
  const known = new Set(names);
  const files = new Map();
  const rooms = new Map();
  for (const name of names.sort()) {
    const found = new Set();
    for (const [, written] of readFileSync(join(engine, name), 'utf8').matchAll(INCLUDE)) {
      // Includes are relative to the engine's folder, or to the file.
      const target = [written, join(dirname(name), written).replaceAll('\\', '/')].find((path) => known.has(path));
      if (target !== undefined) found.add(target);
    }
    files.set(name, found);
    const room = dirname(name);
    const arrows = rooms.get(room) ?? new Set();
    for (const target of found) if (dirname(target) !== room) arrows.add(dirname(target));
    rooms.set(room, arrows);
  }
  return { files, rooms };
}

/**
 * @param {Map<string, Set<string>>} graph
 * @returns {string[] | undefined} the nodes of a cycle, the first one once more at the end
 */
export function findCycle(graph) {
  const finished = new Set();
  const visit = (node, path) => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (finished.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** @throws {Failure} with the cycle */
export function checkNativeRooms(engine = join(root, 'native/engine')) {
  const { files, rooms } = includes(engine);
  for (const [what, graph] of Object.entries({ files, rooms })) {
    const cycle = findCycle(graph);
    if (cycle !== undefined) throw new Failure(`There is a cycle of ${what} in ${engine}: ${cycle.join(' → ')}.`);
  }
  return rooms;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main('native-rooms', () => {
    for (const [room, arrows] of checkNativeRooms()) {
      console.log(`${room === TOP ? 'engine' : room}: ${[...arrows].sort().join(', ') || 'nothing'}`);
    }
  });
}
