/** Checks of what callers hand over: every refusal names the option, what it may be and what it was. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { HyperIQAError } from '../errors.js';
import { shorten } from './shorten.js';

/** The value as a short text for an error message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null) {
    return String(value);
  }
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object'
    ? `an object of class ${shorten(name)}`
    : 'an object';
}

/** An ERR_INVALID_ARGUMENT in one form: "crops must be …, not …". */
export function invalid(name: string, expected: string, value: unknown): HyperIQAError {
  return new HyperIQAError('ERR_INVALID_ARGUMENT', `${name} must be ${expected}, not ${show(value)}.`);
}

/** An object whose keys are all known; a misspelt option must not pass for a default. */
export function checkObject(name: string, value: unknown, keys: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(name, 'an object', value);
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `${name} has no field ${show(unknown)}; its fields are: ${keys.join(', ')}.`,
    );
  }
  return value as Record<string, unknown>;
}

/** Checks an integer option and its range, both ends included. */
export function checkInteger(name: string, value: unknown, minimum: number, maximum: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
    throw invalid(name, `an integer from ${minimum} to ${maximum}`, value);
  }
  return value;
}

/** Any finite number of a range, its ends included. */
export function checkNumber(name: string, value: unknown, minimum: number, maximum: number): number {
  if (typeof value !== 'number' || !(value >= minimum && value <= maximum)) {
    throw invalid(name, `a number from ${minimum} to ${maximum}`, value);
  }
  return value;
}

/** Checks an option that has one of a list of values. */
export function checkOneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) {
    throw invalid(name, `one of ${allowed.map((one) => `'${one}'`).join(', ')}`, value);
  }
  return value as T;
}

/** Checks a boolean option. */
export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(name, 'true or false', value);
  return value;
}

/** Checks a string option. */
export function checkString(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw invalid(name, 'a non-empty text', value);
  return value;
}

/**
 * A path or a file URL, as an absolute path.
 *
 * @param what - Follows "path or file URL" in the message: `of a model file`.
 */
export function checkPath(name: string, value: unknown, what = ''): string {
  const path = typeof value === 'string' ? value : pathOf(value);
  if (path === undefined || path === '' || path.includes('\0')) {
    throw invalid(name, what === '' ? 'a path or a file URL' : `the path or file URL ${what}`, value);
  }
  return resolve(path);
}

/** Undefined for what is no file URL, or one of another host or with a "/" in a name, which no path stands for. */
function pathOf(value: unknown): string | undefined {
  try {
    return value instanceof URL && value.protocol === 'file:' ? fileURLToPath(value) : undefined;
  } catch {
    return undefined;
  }
}

/** Checks a callback option. */
export function checkFunction(name: string, value: unknown): (...args: never[]) => unknown {
  if (typeof value !== 'function') throw invalid(name, 'a function', value);
  return value as (...args: never[]) => unknown;
}

/** Checks an option that is an AbortSignal. */
export function checkSignal(name: string, value: unknown): AbortSignal {
  // Check the shape, not the class: signals of polyfills and of other realms are valid.
  const signal = value as Partial<AbortSignal> | null;
  if (
    typeof signal !== 'object' ||
    signal === null ||
    typeof signal.aborted !== 'boolean' ||
    typeof signal.addEventListener !== 'function' ||
    typeof signal.removeEventListener !== 'function'
  ) {
    throw invalid(name, 'an AbortSignal', value);
  }
  return value as AbortSignal;
}
