/** The tools that the command line hands over to add-ons. */
import type { AddOnKit } from '../add-on.js';
import {
  checkOutput,
  crops,
  defined,
  formatOf,
  integer,
  loadOptions,
  positionals,
  positionalsOf,
  real,
  scoreOptions,
  seed,
  toInputLimits,
  toLoadOptions,
} from './flags.js';
import { expand } from './input/inputs.js';
import { Outputs } from './output/distinct.js';
import { inOnePiece } from './output/one-piece.js';
import { OutputFolder } from './output/output-folder.js';
import { StdoutSink } from './output/sink.js';
import { Progress } from './terminal/progress.js';
import { tell } from './terminal/text.js';

/** @param exit - Sets the exit code of the process. */
export const addOnKit = (exit: (code: number) => void): AddOnKit => ({
  exit,
  terminal: { tell, progress },
  flags: {
    ...{ load: loadOptions, score: scoreOptions, positionals, positionalsOf, formatOf },
    ...{ defined, integer, real, seed, crops, toLoadOptions, toInputLimits },
  },
  inputs: { expand },
  outputs: {
    check: checkOutput,
    guard: (outputs) => Outputs.of(outputs),
    inOnePiece,
    stdout: () => new StdoutSink(),
    folder: (path, inputs) => OutputFolder.open(path, inputs),
  },
});

function progress(total: number): Progress | undefined {
  if (!process.stderr.isTTY) return undefined;
  const line = new Progress(process.stderr);
  line.total = total;
  line.start();
  return line;
}
