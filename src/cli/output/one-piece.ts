/** Commands that write all they have at the end: nothing in between is worth keeping. */
import { Interrupt } from '../terminal/interrupt.js';
import { openWholeOutput } from './output.js';
import type { Sink } from './sink.js';
import { tell } from '../terminal/text.js';

/**
 * Runs a command whose output file, if it names one, is looked at first, so that work for an hour does not end at a
 * typing error.
 *
 * @param work - Gives the exit code. Closing the sink writes the file.
 * @returns that, or the exit code of an interruption
 * @throws HyperIQAError ERR_OUTPUT; and what `work` throws, unless it
 *   was interrupted
 */
export async function inOnePiece<O extends string | undefined>(
  output: O,
  work: (interrupt: Interrupt, file: O extends string ? Sink : Sink | undefined) => Promise<number>,
): Promise<number> {
  const interrupt = new Interrupt();
  let file: Sink | undefined;
  try {
    file = output === undefined ? undefined : await openWholeOutput(output, interrupt.signal);
    return await work(interrupt, file as O extends string ? Sink : Sink | undefined);
  } catch (error) {
    if (interrupt.exitCode === undefined) throw error;
    tell('interrupted');
    return interrupt.exitCode;
  } finally {
    interrupt.stop();
    await file?.release();
  }
}
