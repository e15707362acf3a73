/** Installing from addresses, from package indexes and through pip: with servers and a pip of this test's own. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { install } from '../../src/libtorch/install/install.js';
import { LOCK, wheelsFor } from '../../src/libtorch/install/wheels.js';
import { parseWheelName, runsOn } from '../../src/libtorch/install/wheel-name.js';
import { LIBTORCH_VERSION } from '../../src/libtorch/version.js';
import { errorWith } from '../helpers/errors.js';
import {
  CUDART,
  CUDNN,
  inRuntimes,
  isolated,
  makeCpuWheel,
  makeCudaWheels,
  OTHER_LOCK,
  plan,
  serve,
  sha256,
  subfolder,
  TORCH,
  TORCH_CPU,
} from './fakes.js';

const platform = `${process.platform}-${process.arch}`;
let folder: string;
let wheels: string;
beforeEach(() => {
  ({ folder, wheels } = isolated());
  return () => vi.unstubAllEnvs();
});

/** Serves the wheels as files below /files. */
function file({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const name = decodeURIComponent(url.split('/').at(-1)!);
  response.end(readFileSync(join(wheels, name)));
}
const fails = async (work: Promise<unknown>) => {
  const error: unknown = await work.then(
    () => Promise.reject(new Error('installed')),
    (reason: unknown) => reason,
  );
  expect(inRuntimes()).toEqual([]);
  return error;
};
const escaped = encodeURIComponent(TORCH_CPU);

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('from an address', () => {
  test('with its SHA-256 behind #, which must be right', async () => {
    const hash = sha256(readFileSync(makeCpuWheel(wheels)));
    const address = `${await serve(file)}/files/${escaped}`;
    expect(await fails(install(plan('cpu', { from: [`${address}#sha256=${'0'.repeat(64)}`] }), OTHER_LOCK))).toEqual(
      errorWith('ERR_RUNTIME_HASH', /refused/),
    );
    const installed = await install(plan('cpu', { from: [`${address}#sha256=${hash}`] }), OTHER_LOCK);
    expect(installed.origins).toEqual([
      { name: TORCH_CPU, from: address, sha256: hash, bytes: expect.any(Number), verified: 'caller' },
    ]);
  });

  test('without encryption and without a SHA-256: refused', async () => {
    makeCpuWheel(wheels);
    const from = [`${await serve(file)}/${escaped}`];
    expect(await fails(install(plan('cpu', { from }), OTHER_LOCK))).toEqual(
      errorWith('ERR_RUNTIME_HASH', /Nothing tells the SHA-256/),
    );
  });

  test.each([
    [
      'is cut off',
      (r: ServerResponse, data: Buffer) => {
        r.writeHead(200, { 'content-length': data.length });
        r.write(data.subarray(0, data.length / 2), () => r.destroy());
      },
    ],
    [
      'is cut off without a length',
      (r: ServerResponse, data: Buffer) => {
        r.write(data.subarray(0, data.length / 2), () => r.destroy());
      },
    ],
    ['is refused by the server', (r: ServerResponse) => r.writeHead(403).end()],
    ['is not there', (r: ServerResponse) => r.writeHead(404).end()],
    ['leads round and round', (r: ServerResponse) => r.writeHead(302, { location: `/${escaped}` }).end()],
  ])('that %s', async (_, answer) => {
    const data = readFileSync(makeCpuWheel(wheels));
    const base = await serve((_request, response) => {
      answer(response, data);
    });
    const from = [`${base.replace('//', '//user:secret@')}/${escaped}?token=secret#sha256=${sha256(data)}`];
    const error = (await fails(install(plan('cpu', { from }), OTHER_LOCK))) as Error;
    expect(error).toEqual(errorWith('ERR_RUNTIME_DOWNLOAD'));
    expect(error.message).not.toContain('secret');
  });

  test('where nobody listens', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const from = [`http://127.0.0.1:${port}/${escaped}#sha256=${'0'.repeat(64)}`];
    expect(await fails(install(plan('cpu', { from }), OTHER_LOCK))).toEqual(
      errorWith('ERR_RUNTIME_DOWNLOAD', /cannot be reached: .*ECONNREFUSED/),
    );
  });

  test('that sends more than the lock knows, before it is all there', async () => {
    const lock = makeCudaWheels(wheels);
    const base = await serve((_request, response) => {
      const more = () => response.write(Buffer.alloc(1 << 16), () => setImmediate(more));
      more();
    });
    expect(await fails(install(plan('cpu', { from: [`${base}/${TORCH}`] }), lock))).toEqual(
      errorWith('ERR_RUNTIME_DOWNLOAD', /another file/),
    );
  });

  test('through the proxy that the environment names', async () => {
    const data = readFileSync(makeCpuWheel(wheels));
    const asked: string[] = [];
    const upstreamBase = await serve((_request, response) => response.end(data));
    const tunnels: string[] = [];
    const server = createServer((incoming, response) => {
      asked.push(incoming.url ?? '');
      response.end(data);
    }).on('connect', (incoming: IncomingMessage, socket) => {
      tunnels.push(incoming.url ?? '');
      const upstream = connect(Number(new URL(upstreamBase).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      socket.on('error', () => upstream.destroy());
      upstream.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    vi.stubEnv('http_proxy', `http://127.0.0.1:${port}`);
    try {
      const from = [`http://wheels.invalid/${escaped}#sha256=${sha256(data)}`];
      await install(plan('cpu', { from }), OTHER_LOCK);
      expect([...tunnels, ...asked].join(' ')).toContain('wheels.invalid');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('from a package index', () => {
  const html = (names: string[], hashed = true) =>
    `<!DOCTYPE html><html><body>${names
      .map((name) => {
        const hash = hashed ? `#sha256=${sha256(readFileSync(join(wheels, name)))}` : '';
        return `<a href="../../files/${encodeURIComponent(name)}${hash}" data-requires-python="&gt;=3.9">${name}</a><br/>`;
      })
      .join('\n')}</body></html>`;
  const json = (names: string[]) =>
    JSON.stringify({
      meta: { 'api-version': '1.1' },
      files: names.map((filename) => ({
        filename,
        url: `/files/${encodeURIComponent(filename)}`,
        hashes: { sha256: sha256(readFileSync(join(wheels, filename))) },
      })),
    });
  const projects: Record<string, string[]> = {
    torch: [TORCH],
    'nvidia-cuda-runtime': [CUDART],
    'nvidia-cudnn-cu13': [CUDNN],
  };

  test.each(['html', 'json'])('that answers in %s', async (form) => {
    const lock = makeCudaWheels(wheels);
    const asked: string[] = [];
    const base = await serve((incoming, response) => {
      asked.push(incoming.url!);
      const names = projects[/^\/simple\/([^/]+)\/$/.exec(incoming.url!)?.[1] ?? ''];
      if (!names) file(incoming, response);
      else if (form === 'html') response.setHeader('content-type', 'text/html').end(html(names));
      else response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json').end(json(names));
    });
    vi.stubEnv('HYPERIQA_WHEEL_INDEX', `${base}/simple`);
    const installed = await install(plan('cuda'), lock);
    expect(installed.origins.map(({ verified }) => verified)).toEqual(['release', 'release', 'release']);
    expect(asked).toContain('/simple/nvidia-cudnn-cu13/');
  });

  test('whose own SHA-256 counts for a build that is not in the lock, and is needed for it', async () => {
    makeCpuWheel(wheels);
    let hashed = false;
    let credentials: string | undefined;
    const base = await serve((incoming, response) => {
      if (!incoming.url!.startsWith('/simple/')) file(incoming, response);
      else response.setHeader('content-type', 'text/html').end(html([TORCH_CPU], hashed));
      credentials = incoming.headers.authorization;
    });
    vi.stubEnv('HYPERIQA_WHEEL_INDEX', `${base.replace('//', '//me:word@')}/simple/`);
    expect(await fails(install(plan('cpu'), OTHER_LOCK))).toEqual(
      errorWith('ERR_RUNTIME_HASH', /the index gives none/),
    );
    hashed = true;
    const installed = await install(plan('cpu'), OTHER_LOCK);
    expect(installed.origins).toMatchObject([{ verified: 'index', from: `${base}/files/${escaped}` }]);
    expect(credentials).toBe(`Basic ${Buffer.from('me:word').toString('base64')}`);
  });

  test('that lacks the version, is something else, or is no address', async () => {
    makeCpuWheel(wheels);
    const base = await serve((incoming, response) => {
      if (incoming.url!.startsWith('/else')) response.setHeader('content-type', 'application/json').end('{"a": 1}');
      else response.setHeader('content-type', 'text/html').end('<html><body></body></html>');
    });
    vi.stubEnv('HYPERIQA_WHEEL_INDEX', `${base}/simple`);
    expect(await fails(install(plan('cpu'), OTHER_LOCK))).toEqual(errorWith('ERR_RUNTIME_SOURCE', /none of torch/));
    vi.stubEnv('HYPERIQA_WHEEL_INDEX', `${base}/else`);
    expect(await fails(install(plan('cpu'), OTHER_LOCK))).toEqual(errorWith('ERR_RUNTIME_SOURCE', /no page of/));
    vi.stubEnv('HYPERIQA_WHEEL_INDEX', 'pypi');
    expect(await fails(install(plan('cpu'), OTHER_LOCK))).toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  });
});

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('through pip', () => {
  /** A python3 on the PATH that is pip in a few lines of shell. */
  function fakePip(download: string): void {
    const bin = subfolder(folder, 'bin');
    const script = `#!/bin/sh
if [ "$3" = --version ]; then echo "pip 99.1 from /x"; exit 0; fi
while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest=$2; [ "$1" = --requirement ] && requirements=$2; shift; done
${download}
`;
    writeFileSync(join(bin, 'python3'), script);
    chmodSync(join(bin, 'python3'), 0o755);
    vi.stubEnv('PATH', bin);
  }

  test('with every hash of the lock', async () => {
    const lock = makeCudaWheels(wheels);
    fakePip(`/bin/cat "$requirements" > ${folder}/asked; /bin/cp ${wheels}/*.whl "$dest"`);
    const installed = await install(plan('cuda'), lock);
    expect(installed.origins).toMatchObject(
      [TORCH, CUDART, CUDNN].map((name) => ({ name, from: 'pip 99.1', verified: 'release' })),
    );
    const asked = readFileSync(join(folder, 'asked'), 'utf8');
    for (const { project, version, sha256: hash } of lock)
      expect(asked).toContain(`${project}==${version} --hash=sha256:${hash}\n`);
  });

  test('and is not believed: what it brings is checked', async () => {
    const lock = makeCudaWheels(wheels);
    fakePip(`/bin/cp ${wheels}/*.whl "$dest"; echo x >> "$dest/${TORCH}"`);
    expect(await fails(install(plan('cuda'), lock))).toEqual(errorWith('ERR_RUNTIME_HASH'));
  });

  test.each([
    ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', 'ERR_RUNTIME_HASH'],
    ['ERROR: Could not install packages: [Errno 28] No space left on device', 'ERR_RUNTIME_CACHE'],
    ['ERROR: Could not find a version that satisfies the requirement torch', 'ERR_RUNTIME_DOWNLOAD'],
  ] as const)('that fails: %s', async (words, code) => {
    const lock = makeCudaWheels(wheels);
    fakePip(`echo '${words}' >&2; exit 1`);
    expect(await fails(install(plan('cuda'), lock))).toEqual(errorWith(code));
  });

  test('that is not there', async () => {
    const lock = makeCudaWheels(wheels);
    vi.stubEnv('PATH', subfolder(folder, 'empty'));
    expect(await fails(install(plan('cuda'), lock))).toEqual(errorWith('ERR_RUNTIME_SOURCE', /HYPERIQA_WHEEL_INDEX/));
  });
});

describe('the lock', () => {
  test('is of the LibTorch version, and its wheels are for this platform', () => {
    const text = readFileSync(new URL('../../src/libtorch/wheels.json', import.meta.url), 'utf8');
    const lock = JSON.parse(text) as { libtorch: string };
    expect(lock.libtorch).toBe(LIBTORCH_VERSION);
    const system = { platform: process.platform, arch: process.arch, glibc: '2.28' };
    for (const wheel of LOCK) {
      const name = parseWheelName(wheel.file)!;
      expect(name.version, wheel.file).toBe(wheel.version);
      expect(runsOn(name.platforms, system), wheel.file).toBe(true);
    }
  });

  test('has no CUDA for a platform without', () => {
    const cpuOnly = LOCK.filter(({ kinds }) => !kinds.includes('cuda'));
    expect(() => wheelsFor('cuda', cpuOnly)).toThrow(expect.objectContaining({ code: 'ERR_RUNTIME_SOURCE' }));
  });
});
