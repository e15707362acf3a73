// Scores in a worker thread, for a program whose work is in workers already; the event loop stays free without one, too.
// Workers of one process share LibTorch, but each has a model of its own in memory.
//   node examples/worker-thread.mjs PHOTO [MODEL]
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

if (isMainThread) {
  const [photo, model] = process.argv.slice(2);
  const worker = new Worker(new URL(import.meta.url), { workerData: { photo, model } });
  worker.once('message', ({ score }) => console.log(`${photo}: ${score.toFixed(1)}`));
  // An exception in the worker arrives here; of a HyperIQAError, name, message and code.
  worker.once('error', (error) => {
    console.error(`${photo}: ${error.code ?? 'error'}: ${error.message}`);
    process.exitCode = 1;
  });
} else {
  const { HyperIQA } = await import('hyperiqa');
  const iqa = await HyperIQA.load(workerData.model);
  try {
    parentPort.postMessage(await iqa.score(workerData.photo));
  } finally {
    await iqa.dispose();
  }
}
