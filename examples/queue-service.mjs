// A service that puts images into a queue: POST a JSON list of paths or s3://bucket/key, GET how far the queue is. The scores
// are made by queue-worker.mjs, on this machine or others.
//   node examples/queue-service.mjs RESULTS [PORT] [MODEL]      RESULTS: a folder, or s3://bucket/prefix
//   curl --data '["examples/photos/kitten.jpg"]' http://127.0.0.1:8080/
//   curl http://127.0.0.1:8080/
// Redis: that of HYPERIQA_REDIS, else redis://127.0.0.1:6379.
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { enqueue, status } from '@hyperiqa/queue';

const [results, port = '8080', model] = process.argv.slice(2);
if (results === undefined) throw new Error('Name the folder or s3://bucket/prefix for the results.');

async function answer(request) {
  if (request.method === 'GET') {
    const { complete, images, failures, rate } = await status();
    return { complete, images, failures, rate };
  }
  const names = await json(request);
  if (!Array.isArray(names) || names.length > 10_000)
    throw Object.assign(new Error('Send up to 10000 names.'), { code: 400 });
  // Names that were sent before are not scored again. With many chunks waiting, the answer waits as well, which bounds what
  // clients can put into Redis.
  const { added, known } = await enqueue(names, { results, ...(model && { model }) });
  return { added, known };
}

/** Faults of the client; every other error is one of the service. */
const STATUS = { 400: 400, ERR_INVALID_ARGUMENT: 400, ERR_QUEUE_NOT_FOUND: 404, ERR_QUEUE_CONNECTION: 503 };

const server = createServer(async (request, response) => {
  let code = 200;
  const body = await answer(request).catch((error) => {
    code = STATUS[error.code] ?? (error instanceof SyntaxError ? 400 : 500);
    return { error: { code: error.code, message: error.message } };
  });
  response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
});
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
process.once('SIGTERM', () => server.close());
