/** The process that `trial.ts` starts: bounds itself, then loads a model that may do anything. */
import { toHyperIQAError } from '../errors.js';
import { loadBinding } from '../libtorch/addon.js';
import { tooMuchMemory, type TrialMessage, type TrialOrder } from './trial.js';

const LOOK_MS = 50;

const order = JSON.parse(process.argv[2] ?? '{}') as TrialOrder;

const end = () => {
  // SIGKILL: an orderly exit would wait for the thread on which the model's code runs.
  process.kill(process.pid, 'SIGKILL');
};
// The parent ends, or disconnects when it has its answer.
process.on('disconnect', end);

const send = (message: TrialMessage) =>
  new Promise<void>((done) => {
    process.send?.(message, undefined, undefined, () => {
      done();
    });
  });

const fail = async (error: { code: Extract<TrialMessage, { state: 'failed' }>['code']; message: string }) => {
  await send({ state: 'failed', code: error.code, message: error.message });
};

await send({ state: 'started' });
try {
  const { binding } = await loadBinding({ libtorch: order.libtorch });
  binding.restrictProcess(order.memory);
  // Systems without such limits are watched.
  const before = process.memoryUsage.rss();
  setInterval(() => {
    if (process.memoryUsage.rss() - before > order.memory) void fail(tooMuchMemory(order)).then(end);
  }, LOOK_MS).unref();
  const options = {
    modelPath: order.path,
    trustModel: false,
    threads: 1,
    selfCheck: true,
    maxQueueImages: 1,
    maxQueueBytes: 1,
  };
  await (order.kind === 'faces'
    ? binding.loadDetector({ ...options, device: 'cpu' })
    : binding.load({
        ...options,
        devices: ['cpu'],
        dtype: 'fp32',
        batchSize: 4,
        graphMode: 'freeze',
        tuning: false,
        tuningFile: '',
      }));
  await send({ state: 'passed' });
} catch (error) {
  const known = toHyperIQAError(error);
  // Scores other than the file's own are refused by the caller, unless `selfCheck` is false there.
  if (known.code === 'ERR_MODEL_SELF_CHECK') await send({ state: 'passed' });
  else await fail(known.code === 'ERR_OUT_OF_MEMORY' ? tooMuchMemory(order) : known);
}
end();
