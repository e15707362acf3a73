/** Results as CSV, with the columns of `hyperiqa score --format csv`. */

const COLUMNS = [
  ['file', ({ file }) => inert(file)],
  ['score', ({ score }) => score],
  ['standardError', ({ standardError }) => standardError],
  ['spread', ({ spread }) => spread],
  ['crops', ({ crops }) => crops?.length],
  ['width', ({ width }) => width],
  ['height', ({ height }) => height],
  ['warnings', ({ warnings }) => warnings?.map(({ code }) => code).join(' ')],
  ['faceStatus', ({ faces }) => faces?.status],
  ['faces', ({ faces }) => faces?.faces.length],
  ['faceScore', ({ faces }) => faces?.faces.find(({ kept }) => kept)?.score],
  ['errorCode', ({ error }) => error?.code],
  ['errorMessage', ({ error }) => error && inert(error.message)],
];

/** @param {object[]} records */
export function toCsv(records) {
  const rows = records.map((record) => COLUMNS.map(([, value]) => cell(value(record))));
  return [COLUMNS.map(([name]) => name), ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

function cell(value) {
  const text = value === undefined || value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A name that a spreadsheet would take for a formula gets an apostrophe. */
const inert = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
