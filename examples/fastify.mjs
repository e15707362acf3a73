// Scores uploads with Fastify. (@hyperiqa/service is a whole service as a plugin: faces, maps, limits, a page.)
//   npm install hyperiqa fastify
//   node fastify.mjs [PORT] [MODEL]
//   curl --data-binary @photo.jpg -H 'content-type: image/jpeg' http://localhost:8080/score
import Fastify from 'fastify';
import { HyperIQA } from 'hyperiqa';

const [port = '8080', model] = process.argv.slice(2);
const iqa = await HyperIQA.load(model, { maxPending: 256, maxStreams: 64 });
// forceCloseConnections: at the end, connections that are merely kept open are closed.
const app = Fastify({ forceCloseConnections: 'idle' });

// The upload stays a stream, which hyperiqa begins to read when it has room for it.
app.addContentTypeParser(/^image\/|^application\/octet-stream/, (request, body, done) => done(null, body));

app.post('/score', async (request, reply) => {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const limits = { limitInputBytes: 32 * 2 ** 20, limitInputPixels: 50_000_000 };
  const { score, warnings } = await iqa.score(request.body, { ...limits, signal: gone.signal });
  return { score, warnings };
});

app.setErrorHandler(({ code, message, statusCode = 500 }, request, reply) => {
  // The rest of a refused upload is read and dropped, so that the client gets to read the answer.
  request.raw.resume();
  const status = /^ERR_IMAGE_/.test(code) ? 422 : /^ERR_(QUEUE_FULL|DISPOSED)$/.test(code) ? 503 : statusCode;
  return reply.code(status).send({ error: { code, message } });
});

// Fastify answers what it has accepted before it closes.
app.addHook('onClose', () => iqa.dispose({ drain: true, timeout: 25_000 }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close());

console.log(await app.listen({ port: Number(port) }));
