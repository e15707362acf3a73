/** Counts scored and failed images, for the exit code and the last line on stderr. */
import type { Plan } from '../run/plan.js';
import type { ScoreRecord } from './records.js';
import { describeShard } from '../input/shard.js';
import { count, tell } from '../terminal/text.js';

/** Exit codes of a run that came to its end; 2 is that of every error that is thrown. */
const exitCode = { allScored: 0, someFailed: 1, belowGate: 3 } as const;

/** Counts what became of the images. */
export class Tally {
  #scored = 0;
  #kept = 0;
  #failed = 0;
  #below = 0;

  constructor(
    private readonly plan: Plan,
    private readonly higherIsBetter: boolean,
  ) {}

  /** An image whose record was there before. */
  keep(score: number): void {
    this.#kept++;
    this.#judge(score);
  }

  add(record: ScoreRecord): void {
    if ('error' in record) {
      this.#failed++;
      // The study's table has no place for the reason.
      if (this.plan.format === 'study' && !this.plan.quiet) tell(`${record.file}: ${message(record.error)}`);
    } else {
      this.#scored++;
      this.#judge(record.score);
    }
  }

  #judge(score: number): void {
    const { gate } = this.plan;
    if (gate !== undefined && (this.higherIsBetter ? score < gate : score > gate)) this.#below++;
  }

  /** Writes a line if images were scored before, failed or missed the gate, which a glance at the records might miss. */
  report(): void {
    const parts = [
      ...(this.#kept > 0 ? [`${this.#kept} scored before`] : []),
      ...(this.#failed > 0 ? [`${this.#failed} failed`] : []),
      ...(this.#below > 0
        ? [`${this.#below} ${this.higherIsBetter ? 'below' : 'above'} ${String(this.plan.gate)}`]
        : []),
    ];
    const total = this.#scored + this.#kept + this.#failed;
    const { shard } = this.plan;
    if (total === 0)
      tell(shard ? `no image is in shard ${describeShard(shard)}` : 'the list on standard input is empty');
    else if (parts.length > 0) tell(`${count(total, 'image')}: ${parts.join(', ')}`);
  }

  interrupted(resumable: boolean): string {
    const done = count(this.#scored + this.#failed, 'record');
    const remedy = resumable
      ? 'run the same command with --resume to go on'
      : 'runs with --output and the format jsonl or csv can be continued with --resume';
    return `interrupted after ${done}; ${remedy}`;
  }

  get exitCode(): number {
    return this.#failed > 0 ? exitCode.someFailed : this.#below > 0 ? exitCode.belowGate : exitCode.allScored;
  }
}

const message = ({ code, message }: Extract<ScoreRecord, { error: unknown }>['error']) => `${message} (${code})`;
