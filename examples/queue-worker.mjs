// A worker for what queue-service.mjs puts into a queue: one process a machine. SIGTERM lets it finish its chunks, or give
// them back after 20 seconds.
//   node examples/queue-worker.mjs [MODEL]
// Redis: that of HYPERIQA_REDIS, else redis://127.0.0.1:6379.
import { Worker } from '@hyperiqa/queue';

const [model] = process.argv.slice(2);

const stop = new AbortController();
const started = Worker.start({
  ...(model && { model }),
  signal: stop.signal,
  onEvent: (event) => console.log(JSON.stringify(event)),
});
process.once('SIGTERM', async () => {
  stop.abort();
  // While it still loads or waits for the queue, that was all.
  const worker = await started.catch(() => undefined);
  await worker?.stop({ grace: 20_000 });
});

try {
  await (
    await started
  ).ended;
} catch (error) {
  if (error.code !== 'ERR_ABORTED') throw error;
}
