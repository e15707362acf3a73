// Projects that have hyperiqa from the registry of the proof, and what their tests share.
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';

import { root } from '../../scripts/lib/paths.mjs';
import { Machine } from './machine.mjs';
import { PHOTO } from './setup.mjs';
import { provideTools } from './tools.mjs';

export const photo = readFileSync(PHOTO);

/** Scores of one model on one processor are the same to this everywhere. */
const TOLERANCE = 0.001;

/** A score of the photograph that equals the checkout's. */
export function expectScore(score, tolerance = TOLERANCE) {
  expect(Math.abs(score - inject('proof').score)).toBeLessThan(tolerance);
}

export const example = (name) => readFileSync(join(root, 'examples', name), 'utf8');

/**
 * A machine that shares npm's cache with the others, so that packages are fetched once.
 *
 * @param {string} name
 * @param {{ node?: string, forAll?: boolean }} [options] forAll: other users can run its Node.js, too
 */
export function hostMachine(name, { node = '24', forAll = false } = {}) {
  const { folder, registry } = inject('proof');
  const { nodes, pnpm, yarn, bun, deno } = provideTools();
  const cache = join(folder, 'npm-cache');
  mkdirSync(cache, { recursive: true });
  const own = join(folder, `node-${name}`);
  if (forAll) cpSync(nodes[node], own);
  return new Machine({
    folder: join(folder, name),
    node: forAll ? own : nodes[node],
    registry,
    programs: { pnpm, yarn, bun, deno },
    cache,
  });
}

/**
 * A project on a machine of its own, with hyperiqa and other packages.
 *
 * @param {string} name of the machine
 * @param {{ packages?: string[], node?: string, forAll?: boolean, manifest?: object }} [options]
 */
export function hostProject(name, { packages = [], manifest, ...options } = {}) {
  const project = hostMachine(name, options).project('project', PHOTO, manifest);
  project.run('npm', ['install', '--ignore-scripts', 'hyperiqa', ...packages]);
  return project;
}

/** Ends a server as service managers do, and waits for it. @returns its exit code and signal */
export async function terminate({ child, ended }, signal = 'SIGTERM') {
  child.kill(signal);
  return ended;
}

/** Sends the photograph. @returns {Promise<[number, any]>} status and JSON, or text */
export async function post(address, body = photo, type = 'application/octet-stream') {
  const response = await fetch(address, { method: 'POST', body, headers: { 'content-type': type } });
  const text = await response.text();
  try {
    return [response.status, JSON.parse(text)];
  } catch {
    return [response.status, text];
  }
}
