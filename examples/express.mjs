// Scores uploads with Express 5.
//   npm install hyperiqa express
//   node express.mjs [PORT] [MODEL]
//   curl --data-binary @photo.jpg http://localhost:8080/score
import express from 'express';
import { HyperIQA } from 'hyperiqa';

const [port = '8080', model] = process.argv.slice(2);
const iqa = await HyperIQA.load(model, { maxPending: 256, maxStreams: 64 });
const app = express();

// No body parser stands before it: the request is the stream, which hyperiqa begins to read when it has room for it.
app.post('/score', async (request, response) => {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const limits = { limitInputBytes: 32 * 2 ** 20, limitInputPixels: 50_000_000 };
  const { score, warnings } = await iqa.score(request, { ...limits, signal: gone.signal });
  response.json({ score, warnings });
});

// Express knows a handler of errors by its four parameters.
// eslint-disable-next-line no-unused-vars
app.use(({ code, message }, request, response, next) => {
  // The rest of a refused upload is read and dropped, so that the client gets to read the answer.
  request.resume();
  const status = /^ERR_IMAGE_/.test(code) ? 422 : /^ERR_(QUEUE_FULL|DISPOSED)$/.test(code) ? 503 : 500;
  response.status(status).json({ error: { code, message } });
});

const server = app.listen(Number(port), () => console.log(`http://localhost:${server.address().port}`));

// First the server, which answers what it has accepted; then nothing is left for the scorer to wait for.
async function stop() {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeIdleConnections();
  });
  await iqa.dispose({ drain: true, timeout: 25_000 });
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
