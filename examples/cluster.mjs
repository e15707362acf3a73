// Several processes behind one port: for a host that is a cluster already, or to survive the crash of one. Each worker holds a
// model of its own; the threads are shared out between them. Of workers that start with an empty cache one measures, and
// the others take its result.
//   node cluster.mjs [PORT] [WORKERS] [MODEL]
//   curl --data-binary @photo.jpg http://localhost:8080/
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { HyperIQA } from 'hyperiqa';

const [port = '8080', workers = '2', model] = process.argv.slice(2);

if (cluster.isPrimary) {
  let stopping = false;
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  cluster.on('exit', (worker, code, signal) => {
    if (stopping) return;
    console.error(`worker ${worker.process.pid} has ended: ${signal ?? code}`);
    cluster.fork();
  });
  cluster.once('listening', (worker, address) => console.log(`http://localhost:${address.port}/`));
  const stop = () => {
    stopping = true;
    // Workers let go of the port, end what they have accepted, and then themselves.
    for (const worker of Object.values(cluster.workers)) worker.send('stop');
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
} else {
  const threads = Math.max(1, Math.floor(availableParallelism() / Number(workers)));
  const iqa = await HyperIQA.load(model, { device: 'cpu', threads, maxPending: 256 });
  const server = createServer(async (request, response) => {
    try {
      const { score } = await iqa.score(request, { limitInputBytes: 32 * 2 ** 20 });
      response.end(`${score}\n`);
    } catch ({ code, message }) {
      request.resume();
      response.writeHead(/^ERR_IMAGE_/.test(code) ? 422 : 503).end(`${code}: ${message}\n`);
    }
  });
  server.listen(Number(port));
  // Ctrl-C reaches every process of the terminal: the primary alone decides.
  process.on('SIGINT', () => undefined);
  process.once('message', async () => {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeIdleConnections();
    });
    await iqa.dispose({ drain: true, timeout: 25_000 });
    process.disconnect();
  });
}
