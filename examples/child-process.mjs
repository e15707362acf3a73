// Scores in a child process: for images from strangers, where not even a crash may reach the program, a time limit must
// hold, or memory is to be given back after the work. The child loads the model once and answers many requests.
//   node examples/child-process.mjs PHOTO...
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const TIME_LIMIT = 300_000; // for one photograph; the first one waits for the model, too

if (process.send) {
  const { HyperIQA } = await import('hyperiqa');
  const iqa = await HyperIQA.load();
  process.on('message', async ({ id, photo }) => {
    try {
      const { score, warnings } = await iqa.score(photo);
      process.send({ id, score, warnings });
    } catch ({ code, message }) {
      process.send({ id, error: { code, message } });
    }
  });
  process.once('disconnect', () => iqa.dispose());
} else {
  const child = fork(fileURLToPath(import.meta.url));
  const waiting = new Map();
  child.on('message', (answer) => waiting.get(answer.id)(answer));
  child.once('exit', (code, signal) => {
    // Calls without an answer by now will stay so.
    for (const settle of waiting.values())
      settle({ error: { code: 'CHILD_ENDED', message: signal ?? `exit ${code}` } });
  });

  const scoreInChild = (photo, id) =>
    new Promise((resolve) => {
      const limit = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT);
      waiting.set(id, (answer) => {
        clearTimeout(limit);
        waiting.delete(id);
        resolve({ photo, ...answer });
      });
      child.send({ id, photo }, (failure) => {
        if (failure) waiting.get(id)?.({ error: { code: 'CHILD_ENDED', message: failure.message } });
      });
    });

  for (const { photo, score, error } of await Promise.all(process.argv.slice(2).map(scoreInChild))) {
    if (error) console.error(`${photo}: ${error.code}: ${error.message}`);
    else console.log(`${photo}: ${score.toFixed(1)}`);
    if (error) process.exitCode = 1;
  }
  if (child.connected) child.disconnect();
}
