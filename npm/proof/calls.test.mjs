// Calls as services make them, in one process of a project: inputs that are there already, overload, a busy event loop.
import { appendFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { expectScore, hostProject } from './project.mjs';

let project;
beforeAll(() => {
  project = hostProject('calls', { packages: ['sharp@0.35'] });
});
afterAll(() => {
  rmSync(project.machine.folder, { recursive: true });
});

/** Runs a script in the project, and returns what it calls `report` with. */
function script(text) {
  project.write(
    'script.mjs',
    `import { open, readFile } from 'node:fs/promises';
     import { createServer } from 'node:http';
     import { monitorEventLoopDelay } from 'node:perf_hooks';
     import { HyperIQA } from 'hyperiqa';
     import sharp from 'sharp';
     const report = (value) => console.log(JSON.stringify(value));
     const code = (promise) => promise.then(() => 'none', (error) => error.code);
     ${text}`,
  );
  return JSON.parse(project.run('node', ['script.mjs']).output);
}

test('an instance of sharp is its pixels, with what was asked of it', () => {
  const { instance, raw } = script(`
    const iqa = await HyperIQA.load();
    const box = { left: 100, top: 50, width: 500, height: 400 };
    const pixels = await sharp('photo.jpg').extract(box).raw().toBuffer({ resolveWithObject: true });
    const scores = [await iqa.score(sharp('photo.jpg').extract(box)), await iqa.score(pixels)];
    report({ instance: scores[0].score, raw: scores[1].score });
    await iqa.dispose();`);
  expect(instance).toBe(raw);
});

test('a Response, a FileHandle and a data URL are images; base64 gets a short message with the way', () => {
  const { scores, message } = script(`
    const iqa = await HyperIQA.load();
    const bytes = await readFile('photo.jpg');
    const server = createServer((_, response) => response.end(bytes)).listen(0);
    await new Promise((resolve) => server.once('listening', resolve));
    await using file = await open('photo.jpg');
    const inputs = [await fetch('http://localhost:' + server.address().port), file, 'data:image/jpeg;base64,' + bytes.toString('base64')];
    const scores = (await Promise.all(inputs.map((input) => iqa.score(input)))).map(({ score }) => score);
    server.close();
    const { message } = await iqa.score(bytes.toString('base64')).catch((error) => error);
    report({ scores, message });
    await iqa.dispose();`);
  scores.forEach((score) => expectScore(score));
  expect(message.length).toBeLessThan(1000);
  expect(message).toContain("Buffer.from(text, 'base64')");
});

test('overload is refused, counted, and bounded in decoding', () => {
  const { refused, most, stats } = script(`
    const iqa = await HyperIQA.load({ maxPending: 20, maxDecoding: 1 });
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, iqa.stats.decoding)), 1);
    const codes = await Promise.all(Array.from({ length: 50 }, () => code(iqa.score('photo.jpg'))));
    clearInterval(watch);
    const { waiting, decoding, inEngine, finished, refused } = iqa.stats;
    report({ refused: codes.filter((one) => one === 'ERR_QUEUE_FULL').length, most, stats: { waiting, decoding, inEngine, finished, refused } });
    await iqa.dispose();`);
  expect(refused).toBe(30);
  expect(most).toBe(1);
  expect(stats).toEqual({ waiting: 0, decoding: 0, inEngine: 0, finished: 20, refused: 30 });
});

test('what was accepted is answered before a scorer that drains ends', () => {
  const { codes, late } = script(`
    const iqa = await HyperIQA.load();
    const calls = Array.from({ length: 20 }, () => code(iqa.score('photo.jpg')));
    const drained = iqa.dispose({ drain: true });
    const late = await code(iqa.score('photo.jpg'));
    await drained;
    report({ codes: await Promise.all(calls), late });`);
  expect(codes).toEqual(Array(20).fill('none'));
  expect(late).toBe('ERR_DISPOSED');
});

test('the event loop turns during the first load', () => {
  const { longest, load } = script(`
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const started = performance.now();
    const iqa = await HyperIQA.load({ tuning: false });
    const load = performance.now() - started;
    delay.disable();
    report({ longest: delay.max / 1e6, load });
    await iqa.dispose();`);
  appendFileSync(
    inject('proof').measured,
    `longest stop of the event loop during the first load\t${longest.toFixed(0)} ms of ${load.toFixed(0)} ms\n`,
  );
  expect(longest / load).toBeLessThan(0.3);
});
