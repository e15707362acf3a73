// A registry on this machine (verdaccio) that has our packages and passes on everything else from the user's registry.
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { npm } from '../../scripts/lib/npm.mjs';
import { Failure } from '../../scripts/lib/run.mjs';

const START_SECONDS = 120;

/**
 * @param {{ folder: string, node: string, verdaccio: string }} options folder: for its files, made anew; node: 22 or newer
 * @returns {Promise<{ url: string, publish(file: string): void, stop(): void }>}
 * @throws {Failure} with the registry's own messages
 */
export async function startRegistry({ folder, node, verdaccio }) {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const own = { access: '$all', publish: '$all' };
  const [upstream, cafile, proxy] = ['registry', 'cafile', 'https-proxy'].map((key) => setting(key));
  const config = {
    storage: join(folder, 'storage'),
    max_body_size: '400mb', // npm sends a tarball as base64 within JSON
    auth: { htpasswd: { file: join(folder, 'users'), max_users: -1 } },
    uplinks: { upstream: { url: upstream, timeout: '2m', max_fails: 10, maxage: '10m' } },
    // Ours come from here only, even if the user's registry has packages of these names.
    packages: { hyperiqa: own, '@hyperiqa/*': own, '**': { access: '$all', proxy: 'upstream' } },
    ...(proxy && { https_proxy: proxy }),
    web: { enable: false },
    log: { type: 'stdout', format: 'pretty', level: 'warn' },
  };
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config)); // JSON is YAML
  const log = join(folder, 'log.txt');
  const output = openSync(log, 'w');
  const child = spawn(node, [verdaccio, '--config', join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`], {
    env: { ...process.env, ...(cafile && { NODE_EXTRA_CA_CERTS: cafile }) },
    stdio: ['ignore', output, output],
  });
  const stop = () => child.kill();
  for (let second = 0; !(await answers(url)); ++second) {
    if (second < START_SECONDS && child.exitCode === null) await wait(1000);
    else {
      stop();
      throw new Failure(`The local registry did not start:\n${readFileSync(log, 'utf8')}`);
    }
  }
  const token = `--//127.0.0.1:${port}/:_authToken=anybody`; // npm does not publish without one
  return {
    url,
    publish: (file) => {
      npm(['publish', file, '--registry', url, token, '--ignore-scripts', '--loglevel=error'], { cwd: folder });
    },
    stop,
  };
}

function setting(key) {
  const value = npm(['config', 'get', key]).trim();
  return ['null', 'undefined', ''].includes(value) ? undefined : value;
}

async function answers(url) {
  try {
    return (await fetch(`${url}-/ping`)).ok;
  } catch {
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
