// Ends in the way that it is told, with work under way on the main thread and in a worker.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { HyperIQA } from '../../../dist/index.js';
import { FaceDetector } from '../../../dist/faces/index.js';
import { qualityMap } from '../../../dist/maps/index.js';

const [model, how, delay, photo] = isMainThread ? process.argv.slice(2) : workerData;

/** Work without an end; what is rejected at the end is nobody's concern. */
async function work() {
  const iqa = await HyperIQA.load(model, { device: 'cpu', graphMode: 'freeze', threads: 1 });
  const detector = await FaceDetector.load(undefined, { threads: 1 });
  const again = (action) => {
    const next = () => action().then(next, () => undefined);
    void next();
  };
  again(() => iqa.score(photo, { crops: { plan: 'random', count: 4 } }));
  again(() =>
    iqa.score(photo, { signal: AbortSignal.timeout(5) }).catch((error) => {
      if (error.code !== 'ERR_ABORTED') throw error;
    }),
  );
  again(() => detector.detect(photo));
  again(() => qualityMap(iqa, photo, { stride: 100 }));
  again(async () => {
    for await (const { error } of iqa.scoreAll([photo, photo])) if (error) throw error;
  });
  return iqa;
}

const iqa = await work();
if (!isMainThread) {
  parentPort.postMessage('working');
} else {
  const worker = how.startsWith('worker')
    ? new Worker(new URL(import.meta.url), { workerData: process.argv.slice(2) })
    : null;
  if (worker) await new Promise((resolve) => worker.once('message', resolve));
  console.log('"working"');
  setTimeout(async () => {
    switch (how) {
      case 'exit':
      case 'worker running at exit':
        return process.exit(7);
      case 'throw':
        throw new Error('thrown on purpose');
      case 'reject':
        return Promise.reject(new Error('rejected on purpose'));
      case 'dispose':
        await iqa.dispose();
        return process.exit(7);
      case 'worker terminated':
        await worker.terminate();
        return process.exit(7);
      case 'signal':
        return process.kill(process.pid, 'SIGTERM');
    }
  }, Number(delay));
}
