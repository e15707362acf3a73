// POST /api/score with an image as the body: its score.
//   npm install hyperiqa next react react-dom
//   curl --data-binary @photo.jpg http://localhost:3000/api/score
import { HyperIQA } from 'hyperiqa';

/** One scorer for the process: in development Next.js evaluates this file anew after every change. */
function scorer() {
  globalThis.hyperiqa ??= HyperIQA.load({ maxPending: 64 });
  return globalThis.hyperiqa;
}

export async function POST(request) {
  try {
    const iqa = await scorer();
    const limits = { limitInputBytes: 32 * 2 ** 20, limitInputPixels: 50_000_000 };
    const { score, warnings } = await iqa.score(request.body, { ...limits, signal: request.signal });
    return Response.json({ score, warnings });
  } catch ({ code, message }) {
    const status = /^ERR_IMAGE_/.test(code) ? 422 : code === 'ERR_QUEUE_FULL' ? 503 : 500;
    return Response.json({ error: { code, message } }, { status });
  }
}
