/** Tables of JSON objects: one a line, or an array of them. */
import { constants } from 'node:buffer';
import { linesOf } from './lines.js';
import { checkSize, tableError, type Content, type TableRow } from './table.js';

type Json = string | number | boolean | null | Json[] | JsonObject;
interface JsonObject {
  [name: string]: Json;
}

/** Objects in objects: records have three levels. */
const MAX_DEPTH = 32;

/** @throws HyperIQAError ERR_TABLE */
export function readJsonLines(name: string, bytes: Buffer): Content {
  const collected = new Columns(name);
  let first = true;
  for (const { number, text } of linesOf(bytes, { blank: false })) {
    const where = `, line ${number}`;
    // One object over several lines is a usual file, but not this format.
    const hint = first && text.trim() === '{' ? ' (JSON lines have one whole object a line)' : '';
    first = false;
    collected.add(
      number,
      where,
      parsed(text, (why) => tableError(name, `${where}: this is no JSON object: ${why}${hint}`)),
    );
  }
  return collected.content();
}

/** @throws HyperIQAError ERR_TABLE */
export function readJsonArray(name: string, bytes: Buffer): Content {
  if (bytes.length > constants.MAX_STRING_LENGTH) {
    throw tableError(name, ' is too large for one JSON array: write JSON lines, one object a line.');
  }
  const values = parsed(bytes.toString('utf8'), (why) => tableError(name, ` is no JSON: ${why}`));
  if (!Array.isArray(values)) throw tableError(name, ' must be a JSON array of objects.');
  const collected = new Columns(name);
  values.forEach((value, i) => {
    collected.add(i + 1, `, item ${i + 1}`, value);
  });
  return collected.content();
}

function parsed(text: string, error: (why: string) => Error): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const python = /[:[,]\s*-?(?:NaN|Infinity)\b/.test(text) ? '; NaN and Infinity are no JSON: write null' : '';
    throw Object.assign(error(`${(cause as Error).message}${python}`), { cause });
  }
}

/** Records of `score --faces` have a list of faces; a table has the score of the largest that is kept, as our CSV has. */
function withFaceScore(row: JsonObject): JsonObject {
  const list = isObject(row.faces) ? row.faces.faces : undefined;
  if (!Array.isArray(list)) return row;
  const kept = list.find((face) => isObject(face) && face.kept === true);
  return { ...row, faceScore: isObject(kept) ? (kept.score ?? null) : null };
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The rows of objects whose members may differ. */
class Columns {
  readonly #index = new Map<string, number>();
  /** The last cell of each column: what is the same in all rows, as much of a record is, is one string. */
  readonly #last: string[] = [];
  readonly #rows: TableRow[] = [];

  constructor(private readonly source: string) {}

  /** @param where - For messages. */
  add(line: number, where: string, value: unknown): void {
    if (!isObject(value)) {
      throw tableError(this.source, `${where}: an object is needed, such as {"file": "a.jpg", "score": 61.2}.`);
    }
    const cells: string[] = [];
    this.#fill(cells, withFaceScore(value), '', where, 1);
    this.#rows.push({ line, cells });
    checkSize(this.source, this.#rows.length, this.#index.size);
  }

  content(): Content {
    return { columns: [...this.#index.keys()], rows: this.#rows, header: true };
  }

  #fill(cells: string[], value: JsonObject, prefix: string, where: string, depth: number): void {
    if (depth > MAX_DEPTH) {
      throw tableError(this.source, `${where}: objects are nested in more than ${MAX_DEPTH} levels.`);
    }
    for (const [key, member] of Object.entries(value)) {
      if (Array.isArray(member)) continue;
      const name = prefix + key;
      if (isObject(member)) {
        this.#fill(cells, member, `${name}.`, where, depth + 1);
        continue;
      }
      const index = this.#index.get(name) ?? this.#index.size;
      this.#index.set(name, index);
      const cell = textOf(member);
      cells[index] = cell === this.#last[index] ? this.#last[index] : (this.#last[index] = cell);
    }
  }
}

function textOf(member: string | number | boolean | null): string {
  if (member === null) return '';
  // JSON has no infinity: this is a number such as 1e999, and not a missing one.
  if (typeof member === 'number' && !Number.isFinite(member)) return member > 0 ? '1e999' : '-1e999';
  return String(member);
}
