/** Environment variables that are read while modules load, where Deno may forbid it. */
import { toHyperIQAError } from '../errors.js';

/** @throws HyperIQAError ERR_PERMISSION */
export function environmentVariable(name: string): string | undefined {
  try {
    return process.env[name];
  } catch (error) {
    throw toHyperIQAError(error);
  }
}
