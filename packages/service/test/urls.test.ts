/** Images of URLs: what is fetched, and the ways into networks that are not meant. */
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import type { HyperIQA } from 'hyperiqa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { isAllowedAddress, parseNetwork } from '../src/remote/addresses.js';
import { ImageFetcher, type FetcherOptions } from '../src/remote/fetch.js';
import { isAllowedHost, parseHost } from '../src/remote/hosts.js';
import { image, listening, loadModel } from './server.js';

/** A server of images on the loopback interface. */
async function origin(listener: RequestListener): Promise<{ port: number; requests: string[] }> {
  const requests: string[] = [];
  const server = createHttpServer((request, response) => {
    requests.push(`${request.headers.host}${request.url}`);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

const jpeg = () => image('jpeg-420.jpg');
const sendsImage: RequestListener = (_, response) => response.setHeader('content-type', 'image/jpeg').end(jpeg());
const loopback = ['127.0.0.0/8'];

describe('addresses', () => {
  test.each([...['8.8.8.8', '93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c', '::ffff:8.8.8.8']])(
    '%s is public',
    (address) => {
      expect(isAllowedAddress(address, [])).toBe(true);
    },
  );

  test.each([
    ...[
      '127.0.0.1',
      '127.8.9.1',
      '0.0.0.0',
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '169.254.169.254',
    ],
    ...['100.64.0.1', '192.0.0.1', '192.0.2.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '2001:db8::1'],
    // IPv4 addresses in IPv6 ones: mapped, compatible, NAT64, 6to4, Teredo.
    ...[
      '::ffff:127.0.0.1',
      '::ffff:a9fe:a9fe',
      '::ffff:0:127.0.0.1',
      '::127.0.0.1',
      '64:ff9b::7f00:1',
      '64:ff9b:1::7f00:1',
    ],
    ...['2002:7f00:1::', '2001:0:7f00:1::', 'fe80::1%eth0', 'localhost', ''],
  ])('%s is not', (address) => {
    expect(isAllowedAddress(address, [])).toBe(false);
  });

  test('further networks are those that are named', () => {
    const networks = ['10.20.0.0/16', 'fd12::/16'].map(parseNetwork);
    for (const address of ['10.20.3.4', '::ffff:10.20.3.4', 'fd12::1'])
      expect(isAllowedAddress(address, networks)).toBe(true);
    for (const address of ['10.21.0.1', '127.0.0.1', 'fd13::1'])
      expect(isAllowedAddress(address, networks)).toBe(false);
    expect(() => parseNetwork('10.0.0.0')).toThrow('10.20.0.0/16');
  });
});

describe('hosts', () => {
  const hosts = ['example.org', '*.images.example', 'ports.example:8443', 'BÜCHER.example'].map(parseHost);
  test.each([
    ['https://example.org/a', true],
    ['http://EXAMPLE.org:80/a', true],
    ['https://example.org:8080/a', false],
    ['https://sub.example.org/a', false],
    ['https://example.org.evil.example/', false],
    ['https://a.b.images.example/', true],
    ['https://images.example/', false],
    ['https://evilimages.example/', false],
    ['https://ports.example:8443/', true],
    ['https://ports.example/', false],
    ['https://xn--bcher-kva.example/', true],
  ])('%s: %s', (url, allowed) => {
    expect(isAllowedHost(new URL(url), hosts)).toBe(allowed);
  });

  test.each(['', '*', 'a b', 'https://example.org', 'example.org/path', 'user@example.org', '*.*.org'])(
    '%j is none',
    (text) => {
      expect(() => parseHost(text)).toThrow('example.org');
    },
  );
});

describe('fetching', () => {
  const addresses: Record<string, string[]> = {};
  /** A resolver of the test's own: a list of answers for each name, the last of which stays. */
  const lookup = ((
    hostname: string,
    _: object,
    callback: (error: null, addresses: { address: string; family: number }[]) => void,
  ) => {
    const answers = addresses[hostname] ?? ['192.0.2.1'];
    const address = answers.length > 1 ? answers.shift()! : answers[0]!;
    callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]);
  }) as unknown as LookupFunction;

  function fetcher(port: number, names: string[], options: Partial<FetcherOptions> = {}): ImageFetcher {
    const made = new ImageFetcher({
      hosts: names.map((name) => parseHost(`${name}:${port}`)),
      networks: [],
      redirects: 3,
      bytes: 1_000_000,
      lookup,
      ...options,
    });
    onTestFinished(() => made.close());
    return made;
  }
  const never = new AbortController().signal;
  const allowing = { networks: loopback.map(parseNetwork) };

  test('an image of an allowed host', async () => {
    const { port } = await origin(sendsImage);
    addresses['good.example'] = ['127.0.0.1'];
    expect(await fetcher(port, ['good.example'], allowing).fetch(`http://good.example:${port}/a.jpg`, never)).toEqual(
      jpeg(),
    );
  });

  test('a name that resolves to a private address is not connected to', async () => {
    const { port, requests } = await origin(sendsImage);
    addresses['inside.example'] = ['127.0.0.1'];
    await expect(
      fetcher(port, ['inside.example']).fetch(`http://inside.example:${port}/`, never),
    ).rejects.toMatchObject({
      code: 'ERR_URL_FORBIDDEN',
    });
    expect(requests).toEqual([]);
  });

  test('a name that resolves anew to a private address (DNS rebinding) is not connected to', async () => {
    const { port, requests } = await origin((request, response) => {
      if (request.url === '/second') sendsImage(request, response);
      else response.writeHead(302, { location: '/second', connection: 'close' }).end();
    });
    // 127.0.0.1 is allowed here and 127.0.0.2 is not: the same server answers on both.
    const narrow = { networks: [parseNetwork('127.0.0.1/32')] };
    addresses['rebinding.example'] = ['127.0.0.1', '127.0.0.2'];
    await expect(
      fetcher(port, ['rebinding.example'], narrow).fetch(`http://rebinding.example:${port}/`, never),
    ).rejects.toMatchObject({ code: 'ERR_URL_FORBIDDEN' });
    expect(requests).toEqual([`rebinding.example:${port}/`]);
  });

  test.each([
    ['http://127.0.0.1:PORT/', 'an address'],
    ['http://[::1]:PORT/', 'an IPv6 address'],
    ['http://[::ffff:7f00:1]:PORT/', 'a mapped address'],
    ['http://2130706433:PORT/', 'an address as one number'],
    ['http://0x7f.1:PORT/', 'an address in hexadecimal'],
    ['http://017700000001:PORT/', 'an address in octal'],
  ])('%s: %s, even where it is listed as a host', async (url) => {
    const { port, requests } = await origin(sendsImage);
    const address = url.replace('PORT', String(port));
    await expect(fetcher(port, ['127.0.0.1', '[::1]', '[::ffff:7f00:1]']).fetch(address, never)).rejects.toMatchObject({
      code: 'ERR_URL_FORBIDDEN',
    });
    expect(requests).toEqual([]);
  });

  test.each([
    ['http://169.254.169.254/latest/meta-data/', 'an address of a cloud'],
    ['http://other.example:PORT/', 'a host that is not allowed'],
    ['http://good.example:PORT2/', 'another port'],
    ['file:///etc/passwd', 'a file'],
    ['//inside.example:PORT/', 'a host without a scheme'],
    ['http://user:secret@good.example:PORT/', 'a URL with a password'],
    ['gopher://good.example:PORT/', 'another scheme'],
    ['http://[', 'no URL'],
  ])('a redirect to %s: %s', async (target) => {
    const { port, requests } = await origin((_, response) => {
      const location = target.replace('PORT2', '1').replace('PORT', String(port));
      response.writeHead(302, { location }).end();
    });
    addresses['good.example'] = ['127.0.0.1'];
    await expect(
      fetcher(port, ['good.example'], allowing).fetch(`http://good.example:${port}/`, never),
    ).rejects.toMatchObject({ code: 'ERR_URL_FORBIDDEN' });
    expect(requests).toHaveLength(1);
  });

  test('redirects without end, and to nowhere', async () => {
    const { port, requests } = await origin((request, response) => {
      response.writeHead(307, request.url === '/nowhere' ? {} : { location: '/again' }).end();
    });
    addresses['good.example'] = ['127.0.0.1'];
    const one = fetcher(port, ['good.example'], allowing);
    await expect(one.fetch(`http://good.example:${port}/`, never)).rejects.toMatchObject({ code: 'ERR_URL_READ' });
    expect(requests).toHaveLength(4);
    await expect(one.fetch(`http://good.example:${port}/nowhere`, never)).rejects.toMatchObject({
      code: 'ERR_URL_READ',
    });
  });

  test('an answer that is too large, by its head and as it comes', async () => {
    const { port } = await origin((request, response) => {
      if (request.url === '/told') response.setHeader('content-length', 5000);
      response.write(Buffer.alloc(2500));
      response.end(Buffer.alloc(2500));
    });
    addresses['good.example'] = ['127.0.0.1'];
    const one = fetcher(port, ['good.example'], { ...allowing, bytes: 4000 });
    for (const path of ['told', 'untold']) {
      await expect(one.fetch(`http://good.example:${port}/${path}`, never)).rejects.toMatchObject({
        code: 'ERR_BODY_TOO_LARGE',
      });
    }
  });

  test('statuses and broken connections', async () => {
    const { port } = await origin((request, response) => {
      if (request.url === '/cut') response.destroy();
      else if (request.url === '/half')
        response.writeHead(200, { 'content-length': 10 }).write('abc', () => response.destroy());
      else response.writeHead(404).end();
    });
    addresses['good.example'] = ['127.0.0.1'];
    const one = fetcher(port, ['good.example'], allowing);
    for (const path of ['cut', 'half', 'missing']) {
      await expect(one.fetch(`http://good.example:${port}/${path}`, never)).rejects.toMatchObject({
        code: 'ERR_URL_READ',
      });
    }
  });

  test('is given up with the request', async () => {
    const { port, requests } = await origin(() => undefined);
    addresses['good.example'] = ['127.0.0.1'];
    const gone = new AbortController();
    const fetching = fetcher(port, ['good.example'], allowing).fetch(`http://good.example:${port}/`, gone.signal);
    setTimeout(() => {
      gone.abort(new Error('gone'));
    }, 50);
    await expect(fetching).rejects.toThrow('gone');
    expect(requests).toHaveLength(1);
  });
});

describe('POST /v1/score with URLs', () => {
  let iqa: HyperIQA;
  beforeAll(async () => {
    iqa = await loadModel();
  });
  afterAll(() => iqa.dispose());

  const post = (server: Awaited<ReturnType<typeof listening>>, body: unknown) =>
    server.send('/v1/score?crops=1', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  test('one, several, and what cannot be fetched', async () => {
    const { port } = await origin(sendsImage);
    const url = `http://localhost:${port}/a.jpg`;
    const server = await listening({
      models: { default: iqa },
      faces: false,
      urls: { hosts: [`localhost:${port}`], networks: ['127.0.0.0/8', '::1/128'] },
    });
    const one = await post(server, { url });
    expect([one.status, one.json().file]).toEqual([200, url]);
    const several = await post(server, { urls: [url, 'http://example.org/', url] });
    expect(several.status).toBe(200);
    expect(several.json()).toMatchObject([
      { file: url, score: expect.any(Number) },
      { error: { code: 'ERR_URL_FORBIDDEN' } },
      { file: url },
    ]);
    const forbidden = await post(server, { url: 'http://example.org/' });
    expect([forbidden.status, forbidden.json().error.code]).toEqual([422, 'ERR_URL_FORBIDDEN']);
    for (const body of [
      '{',
      '[]',
      '{}',
      { url, urls: [url] },
      { urls: [] },
      { url: 7 },
      { urls: Array(65).fill(url) },
    ]) {
      const { status, json } = await post(server, body);
      expect([status, json().error.code]).toEqual([400, 'ERR_INVALID_ARGUMENT']);
    }
  });
});
