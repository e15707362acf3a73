/** ERR_IMAGE_READ: what was to be read cannot be. */
import { HyperIQAError } from '../errors.js';

const EXPLANATIONS: Partial<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  ELOOP: 'too many symbolic links',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the system has too many files open',
  ENAMETOOLONG: 'the name is too long',
  ESTALE: 'the file vanished from the network',
  EIO: 'the disk or network failed',
};

/** @param error - What the file system or the stream says. */
export function unreadable(label: string, error: unknown): HyperIQAError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const words = error instanceof Error ? error.message : String(error);
  const why = (code === undefined ? undefined : EXPLANATIONS[code]) ?? words;
  return new HyperIQAError('ERR_IMAGE_READ', `${label} cannot be read: ${why}.`, { cause: error });
}
