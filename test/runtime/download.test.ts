/** Installing from addresses and through pip: with servers, a pip of this test's own and the real one. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { download } from '../../src/libtorch/install/download.js';
import { install } from '../../src/libtorch/install/install.js';
import { LOCK, wheelsFor } from '../../src/libtorch/install/wheel-lock.js';
import { parseWheelName, runsOn } from '../../src/libtorch/install/wheel-name.js';
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
  writeFakePip,
} from './fakes.js';
import type { RuntimeProgress } from '../../src/runtime/index.js';
import { LIBTORCH_VERSION } from '../helpers/libtorch.js';

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

  test('behind a proxy that Node.js does not use: the error says what does', async () => {
    vi.stubEnv('https_proxy', 'http://127.0.0.1:9');
    const from = [`http://127.0.0.1:9/${escaped}#sha256=${'0'.repeat(64)}`];
    expect(await fails(install(plan('cpu', { from }), OTHER_LOCK))).toEqual(
      errorWith('ERR_RUNTIME_DOWNLOAD', /cannot be reached.*NODE_USE_ENV_PROXY.*pip/),
    );
  });

  test('whose server falls silent, before it answers or amid the file', async () => {
    const data = readFileSync(makeCpuWheel(wheels));
    const options = { size: 1e6, exact: false, onBytes: () => undefined, silence: 300 };
    const mute = await serve(() => undefined);
    await expect(download(new URL(mute), join(folder, 'a'), options)).rejects.toEqual(
      errorWith('ERR_RUNTIME_DOWNLOAD', /cannot be reached: the server sent nothing for 0\.3 seconds/),
    );
    const half = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': data.length });
      response.write(data.subarray(0, data.length / 2));
    });
    await expect(download(new URL(half), join(folder, 'b'), options)).rejects.toEqual(
      errorWith('ERR_RUNTIME_DOWNLOAD', /broke off after \d+ bytes: the server sent nothing/),
    );
  });

  test('ended by a signal, before the server answers and amid the file', async () => {
    const data = readFileSync(makeCpuWheel(wheels));
    const address = (base: string) => `${base}/${escaped}#sha256=${sha256(data)}`;
    const before = new AbortController();
    const mute = await serve(() => {
      before.abort();
    });
    expect(await fails(install(plan('cpu', { from: [address(mute)], signal: before.signal }), OTHER_LOCK))).toEqual(
      errorWith('ERR_ABORTED'),
    );
    const amid = new AbortController();
    const half = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': data.length });
      response.write(data.subarray(0, data.length / 2), () => {
        amid.abort();
      });
    });
    expect(await fails(install(plan('cpu', { from: [address(half)], signal: amid.signal }), OTHER_LOCK))).toEqual(
      errorWith('ERR_ABORTED'),
    );
  });

  test('with a user name and password, which go to its own host', async () => {
    const data = readFileSync(makeCpuWheel(wheels));
    let credentials: string | undefined;
    const base = await serve((incoming, response) => {
      credentials = incoming.headers.authorization;
      file(incoming, response);
    });
    const from = [`${base.replace('//', '//me:word@')}/files/${escaped}#sha256=${sha256(data)}`];
    const installed = await install(plan('cpu', { from }), OTHER_LOCK);
    expect(installed.origins).toMatchObject([{ verified: 'caller', from: `${base}/files/${escaped}` }]);
    expect(credentials).toBe(`Basic ${Buffer.from('me:word').toString('base64')}`);
  });
});

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('through pip', () => {
  const fakePip = (script: string) => {
    const bin = subfolder(folder, 'bin');
    writeFakePip(bin, script);
    vi.stubEnv('PATH', bin);
  };

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
    [
      'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.',
      'ERR_RUNTIME_HASH',
      'SHA-256 differs',
    ],
    ['ERROR: Could not install packages: [Errno 28] No space left on device', 'ERR_RUNTIME_CACHE', 'HYPERIQA_CACHE'],
    ['ERROR: Could not find a version that satisfies the requirement torch', 'ERR_RUNTIME_DOWNLOAD', 'PIP_INDEX_URL'],
    ['ReadTimeoutError: NewConnectionError: Failed to establish', 'ERR_RUNTIME_DOWNLOAD', 'did not reach'],
    ['ERROR: something new', 'ERR_RUNTIME_DOWNLOAD', 'pip says: ERROR: something new'],
  ] as const)('that fails: %s', async (words, code, said) => {
    const lock = makeCudaWheels(wheels);
    fakePip(`echo '${words}' >&2; exit 1`);
    const error = (await fails(install(plan('cuda'), lock))) as Error;
    expect(error).toEqual(errorWith(code));
    expect(error.message).toContain(said);
    expect(error.message).toContain(`pip says: ${words}`);
  });

  test('ended by a signal', async () => {
    const lock = makeCudaWheels(wheels);
    fakePip(`echo half > "$dest/${TORCH}"; exec /bin/sleep 30`);
    const controller = new AbortController();
    const onProgress = ({ bytes }: RuntimeProgress) => {
      if (bytes > 0) controller.abort();
    };
    expect(await fails(install(plan('cuda', { signal: controller.signal, onProgress }), lock))).toEqual(
      errorWith('ERR_ABORTED'),
    );
  });

  test('that is not there: no Python, or one without pip', async () => {
    const lock = makeCudaWheels(wheels);
    vi.stubEnv('PATH', subfolder(folder, 'empty'));
    expect(await fails(install(plan('cuda'), lock))).toEqual(
      errorWith('ERR_RUNTIME_SOURCE', /no Python on the PATH.*runtime install cuda FILE.*HYPERIQA_LIBTORCH/),
    );
    const bin = subfolder(folder, 'without');
    writeFakePip(bin, '', 'exit 1');
    vi.stubEnv('PATH', bin);
    expect(await fails(install(plan('cuda'), lock))).toEqual(
      errorWith('ERR_RUNTIME_SOURCE', /"python3 -m pip" does not work/),
    );
  });

  describe('as it is on this machine, with the settings of its user', () => {
    beforeEach(() => {
      vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
      vi.stubEnv('PIP_NO_CACHE_DIR', '1');
      vi.stubEnv('PIP_NO_INDEX', '1');
      vi.stubEnv('PIP_FIND_LINKS', '');
    });

    test('a folder of wheels', async () => {
      const lock = makeCudaWheels(wheels);
      vi.stubEnv('PIP_FIND_LINKS', wheels);
      const installed = await install(plan('cuda'), lock);
      expect(installed.origins).toMatchObject(
        [TORCH, CUDART, CUDNN].map((name) => ({ name, from: expect.stringMatching(/^pip \d/), verified: 'release' })),
      );
    });

    test('a package index', async () => {
      const lock = makeCudaWheels(wheels);
      const base = await serve((incoming, response) => {
        const project = /^\/simple\/([^/]+)\/$/.exec(incoming.url ?? '')?.[1];
        if (project === undefined) {
          file(incoming, response);
          return;
        }
        const links = lock
          .filter((wheel) => wheel.project === project)
          .map((wheel) => `<a href="../../files/${wheel.file}">${wheel.file}</a>`);
        response.setHeader('content-type', 'text/html').end(`<!DOCTYPE html><html><body>${links.join()}</body></html>`);
      });
      vi.stubEnv('PIP_NO_INDEX', undefined);
      vi.stubEnv('PIP_INDEX_URL', `${base}/simple/`);
      expect((await install(plan('cpu'), lock)).problem).toBeNull();
    });

    test('a wheel with another SHA-256', async () => {
      const lock = makeCudaWheels(wheels).map((wheel) => ({ ...wheel, sha256: '0'.repeat(64) }));
      vi.stubEnv('PIP_FIND_LINKS', wheels);
      expect(await fails(install(plan('cpu'), lock))).toEqual(errorWith('ERR_RUNTIME_HASH', /SHA-256 differs/));
    });

    test('no wheel of the version', async () => {
      const lock = makeCudaWheels(wheels);
      vi.stubEnv('PIP_FIND_LINKS', subfolder(folder, 'nothing'));
      expect(await fails(install(plan('cpu'), lock))).toEqual(errorWith('ERR_RUNTIME_DOWNLOAD', /lacks a wheel/));
    });

    test('no network', async () => {
      const lock = makeCudaWheels(wheels);
      vi.stubEnv('PIP_NO_INDEX', undefined);
      vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:9/simple/');
      vi.stubEnv('PIP_RETRIES', '0');
      expect(await fails(install(plan('cpu'), lock))).toEqual(errorWith('ERR_RUNTIME_DOWNLOAD', /did not reach/));
    });
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
