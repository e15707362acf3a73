// Fifty shutdowns of each server at random moments under load: no accepted upload is lost. HYPERIQA_SEED: where they begin.
import { appendFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { shutdownRounds } from '../../../test/helpers/shutdown.js';
import { example, hostProject } from '../project.mjs';

const ROUNDS = 50;
const seed = Number(process.env.HYPERIQA_SEED ?? 1);

let project;
beforeAll(() => {
  project = hostProject('shutdown', { packages: ['fastify@5.12.8', 'express@5.3.0'] });
});
afterAll(() => {
  rmSync(project.machine.folder, { recursive: true });
});

test.each([
  ['http-service.mjs', '/'],
  ['fastify.mjs', '/score'],
  ['express.mjs', '/score'],
])('%s', async (name, path) => {
  project.write(name, example(name));
  const counts = await shutdownRounds({ rounds: ROUNDS, seed, path, start: () => project.serve('node', [name, '0']) });
  appendFileSync(inject('proof').measured, `uploads over ${ROUNDS} shutdowns of ${name}\t${JSON.stringify(counts)}\n`);
  expect(counts.scored).toBeGreaterThan(ROUNDS);
});
