/** Calls of the server. */

/** Attempts where the server is full or not ready. */
const ATTEMPTS = 8;
const LONGEST_WAIT = 30;

let token = sessionStorage.getItem('hyperiqa-token') ?? '';

/** Remembers a token as long as the tab is open. */
export function useToken(text) {
  token = text;
  sessionStorage.setItem('hyperiqa-token', text);
}

/** The server asks for a token, or for another one. */
export class TokenNeeded extends Error {}

/**
 * @param {string} path - Relative to the page.
 * @param {RequestInit} options
 * @returns {Promise<Response>} with any status but 401, and the passing ones only after several attempts
 * @throws {TokenNeeded}
 */
async function call(path, options = {}) {
  for (let attempt = 1; ; attempt++) {
    const headers = { ...options.headers, ...(token !== '' && { authorization: `Bearer ${token}` }) };
    const response = await fetch(path, { ...options, headers });
    if (response.status === 401) throw new TokenNeeded();
    if ((response.status !== 429 && response.status !== 503) || attempt === ATTEMPTS) return response;
    const seconds = Math.min(LONGEST_WAIT, Number(response.headers.get('retry-after')) || 2);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

/** Models, faces and limits of the server. */
export async function info() {
  const response = await call('v1/info');
  if (!response.ok) throw new Error('The server does not answer.');
  return response.json();
}

const post = (path, file, parameters, signal) =>
  call(`${path}?${new URLSearchParams(parameters)}`, {
    method: 'POST',
    headers: { 'content-type': file.type.startsWith('image/') ? file.type : 'application/octet-stream' },
    body: file,
    signal,
  });

/** The record of a photograph, which has an error where there is no score. */
export async function score(file, { model, faces }, signal) {
  const parameters = { file: file.name || 'pasted image', ...(model && { model }), ...(faces && { faces: 'true' }) };
  const response = await post('v1/score', file, parameters, signal);
  const record = await response.json();
  return { file: parameters.file, ...record };
}

/** The quality map of a photograph as a picture. */
export async function map(file, { model }, signal) {
  const parameters = { format: 'png', legend: 'false', opacity: '0.75', ...(model && { model }) };
  const response = await post('v1/map', file, parameters, signal);
  if (!response.ok) throw new Error((await response.json()).error.message);
  return response.blob();
}
