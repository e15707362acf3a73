// A service that scores uploads: POST an image, get JSON. All requests share one model and its batches; a client that goes
// away takes its image out of the queue.
//   node examples/http-service.mjs [PORT] [MODEL]
//   curl --data-binary @examples/photos/kitten.jpg http://localhost:8080/
import { createServer } from 'node:http';
import { HyperIQA } from 'hyperiqa';

const [port = '8080', model] = process.argv.slice(2);
const iqa = await HyperIQA.load(model);

/** Whose fault it is; every other code is ours. */
const STATUS = {
  ERR_IMAGE_READ: 400,
  ERR_IMAGE_EMPTY: 400,
  ERR_IMAGE_TOO_LARGE: 413,
  ERR_IMAGE_FORMAT: 415,
  ERR_IMAGE_DECODE: 422,
};

const server = createServer(async (request, response) => {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const reply = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  };
  try {
    const { score, width, height, warnings } = await iqa.score(request, {
      signal: gone.signal,
      limitInputPixels: 50_000_000,
    });
    reply(200, { score, width, height, warnings });
  } catch ({ code, message }) {
    reply(STATUS[code] ?? 500, { error: { code, message } });
  }
});
server.listen(Number(port), () => console.log(`http://localhost:${server.address().port}/`));

process.once('SIGINT', async () => {
  server.close();
  await iqa.dispose();
});
