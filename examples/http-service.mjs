// A service that scores uploads: POST an image, get JSON. All requests share one model and its batches; a client that goes
// away takes its image out of the queue. What uploads may cost is bounded: their bytes, their pixels, how many are read at
// a time (64 × 32 MiB here) and how many wait.
//   node examples/http-service.mjs [PORT] [MODEL]
//   curl --data-binary @examples/photos/kitten.jpg http://localhost:8080/
import { createServer } from 'node:http';
import { HyperIQA } from 'hyperiqa';

const [port = '8080', model] = process.argv.slice(2);
const MAXIMUM_BYTES = 32 * 2 ** 20;
const iqa = await HyperIQA.load(model, { maxPending: 256, maxStreams: 64 });

/** HTTP status by error code: faults of the client, and states that pass. Every other code is a fault of the service. */
const STATUS = {
  ERR_IMAGE_READ: 400,
  ERR_IMAGE_EMPTY: 400,
  ERR_IMAGE_TOO_LARGE: 413,
  ERR_IMAGE_FORMAT: 415,
  ERR_IMAGE_DECODE: 422,
  ERR_QUEUE_FULL: 503,
  ERR_DISPOSED: 503,
};

async function answer(request, response) {
  const reply = (status, body) => {
    const headers = {
      'content-type': 'application/json',
      ...(status === 503 && { 'retry-after': '1' }),
      // A connection that is kept open would keep a service open that is to end.
      ...(stopping && { connection: 'close' }),
    };
    response.writeHead(status, headers).end(`${JSON.stringify(body)}\n`);
    // Discards the rest of a refused body for a while, so that the client gets to read the answer.
    if (request.complete) return;
    request.resume();
    const cut = setTimeout(() => request.destroy(), 5000);
    request.once('close', () => clearTimeout(cut));
  };
  const refuse = (status, code, message) => reply(status, { error: { code, message } });
  if (request.method !== 'POST') return refuse(405, 'METHOD', 'POST an image.');
  // Before a byte of it is read, and before a client that asks (`Expect: 100-continue`, as curl) has sent one. Bodies without
  // a length are counted as they come.
  if (Number(request.headers['content-length']) > MAXIMUM_BYTES) {
    return refuse(413, 'ERR_IMAGE_TOO_LARGE', `Uploads may have ${MAXIMUM_BYTES} bytes.`);
  }
  if (iqa.pending >= iqa.maxPending) return refuse(503, 'ERR_QUEUE_FULL', 'Too many images are waiting.');
  if (request.headers.expect) response.writeContinue();

  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const { score, width, height, warnings } = await iqa.score(request, {
      signal: gone.signal,
      limitInputPixels: 50_000_000,
      limitInputBytes: MAXIMUM_BYTES,
    });
    reply(200, { score, width, height, warnings });
  } catch ({ code, message }) {
    if (!gone.signal.aborted) refuse(STATUS[code] ?? 500, code, message);
  }
}

// Node.js ends requests that take more than five minutes (requestTimeout): that is the time for an upload with its waiting.
const server = createServer(answer);
server.on('checkContinue', answer);
server.listen(Number(port), () => console.log(`http://localhost:${server.address().port}/`));

// Ctrl-C, and how service managers and containers say it: no new connections; what has begun is answered, then all ends.
// A second signal, or half a minute, gives up what is left.
const impatient = new AbortController();
let stopping = false;
async function stop() {
  if (stopping) return impatient.abort();
  stopping = true;
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const patience = setTimeout(() => impatient.abort(), 30_000);
  impatient.signal.addEventListener('abort', () => server.closeAllConnections());
  // First the server: uploads that have begun are still to be scored. Then nothing is left for the scorer to wait for.
  await closed;
  clearTimeout(patience);
  await iqa.dispose({ drain: true, signal: impatient.signal });
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
