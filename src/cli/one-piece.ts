/** Commands that write all they have at the end: nothing in between is worth keeping. */
import { Interrupt } from './interrupt.js';
import { openWholeOutput, type OutputInputs } from './output.js';
import type { Sink } from './sink.js';
import { tell } from './text.js';

/**
 * Runs a command whose output file, if it names one, is looked at first, so that work for an hour does not end at a
 * typing error.
 *
 * @param inputs - What the command reads, which the output must not replace.
 * @param work - Gives the exit code. Closing the sink writes the file.
 * @returns that, or the exit code of an interruption
 * @throws HyperIQAError ERR_OUTPUT; ERR_INVALID_ARGUMENT where the output is an input; and what `work` throws, unless it
 *   was interrupted
 */
export async function inOnePiece<O extends string | undefined>(
  output: O,
  inputs: OutputInputs,
  work: (interrupt: Interrupt, file: O extends string ? Sink : Sink | undefined) => Promise<number>,
): Promise<number> {
  const interrupt = new Interrupt();
  let file: Sink | undefined;
  try {
    file = output === undefined ? undefined : await openWholeOutput(output, inputs, interrupt.signal);
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
