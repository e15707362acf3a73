/** Many images, some at a time. */
import { isReadable } from 'node:stream';
import { types } from 'node:util';

import { abortedError, onAbort } from './abort.js';
import { HyperIQAError, toHyperIQAError } from './errors.js';
import type { BatchItem } from './types.js';
import { checkInteger, checkOneOf, invalid } from './validate.js';

export interface ScoreAllPlan<T, R> {
  /** Does one input; takes the signal that ends all of them. */
  score: (input: T, signal: AbortSignal) => Promise<R>;
  /** Inputs that have been pulled and not yet been handed out as items. */
  concurrency: number;
  order: 'input' | 'completed';
  signal: AbortSignal | undefined;
}

type AnyIterator<T> = Iterator<T> | AsyncIterator<T>;

/**
 * Strings and bytes can be iterated over, and a stream of bytes too, but nobody means their letters or chunks.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function checkInputs(inputs: unknown, method = 'scoreAll'): void {
  const iterable =
    typeof inputs === 'object' &&
    inputs !== null &&
    (Symbol.asyncIterator in inputs || Symbol.iterator in inputs) &&
    !types.isTypedArray(inputs) &&
    !isByteStream(inputs);
  if (!iterable) throw invalid(`The inputs of ${method}`, 'an iterable or async iterable of images', inputs);
}

function isByteStream(inputs: object): boolean {
  const stream = inputs as NodeJS.ReadableStream & { readableObjectMode?: boolean };
  return inputs instanceof ReadableStream ? false : isReadable(stream) && stream.readableObjectMode === false;
}

/**
 * The options that all methods on many images share.
 *
 * @param usual - The concurrency where none is asked for.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function checkBatchOptions(
  { concurrency, order }: { concurrency?: number | undefined; order?: 'input' | 'completed' | undefined },
  usual: () => number,
): Pick<ScoreAllPlan<unknown, unknown>, 'concurrency' | 'order'> {
  return {
    concurrency: concurrency === undefined ? usual() : checkInteger('concurrency', concurrency, 1, 1_000_000),
    order: order === undefined ? 'input' : checkOneOf('order', order, ['input', 'completed']),
  };
}

/**
 * Pulls inputs as far ahead as `concurrency` allows, and gives an item for each. Leaving the loop, an abort and an error of
 * the source end what is under way; the source's `return` is called where it has not ended by itself.
 */
export async function* scoreAll<T, R>(
  inputs: Iterable<T> | AsyncIterable<T>,
  plan: ScoreAllPlan<T, R>,
): AsyncGenerator<BatchItem<T, R>, void, undefined> {
  if (plan.signal?.aborted) throw abortedError(plan.signal);
  const run = new Run(inputs, plan);
  try {
    for (let item = await run.next(); item !== undefined; item = await run.next()) yield item;
  } finally {
    await run.end();
  }
}

class Run<T, R> {
  readonly #plan: ScoreAllPlan<T, R>;
  readonly #iterator: AnyIterator<T>;
  /** Ends the scores that are under way. */
  readonly #controller = new AbortController();
  readonly #stopListening: () => void;
  /** Items that are ready, by index; a Map keeps the order in which they became so. */
  readonly #ready = new Map<number, BatchItem<T, R>>();
  /** Pulled inputs so far, which is the index of the next one. */
  #pulled = 0;
  /** Items handed out. */
  #given = 0;
  #pulling = false;
  #sourceEnded = false;
  /** What ends the loop once everything that was started has been given; the source's error. */
  #sourceError: { error: unknown } | undefined;
  /** What ends the loop at once. */
  #failure: HyperIQAError | undefined;
  #wake: () => void = () => undefined;

  constructor(inputs: Iterable<T> | AsyncIterable<T>, plan: ScoreAllPlan<T, R>) {
    this.#plan = plan;
    this.#iterator = Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
    const { signal } = plan;
    this.#stopListening = onAbort(signal, () => {
      if (signal !== undefined) this.#fail(abortedError(signal));
    });
  }

  /** The next item; undefined after the last. @throws the source's error, or a HyperIQAError that ends everything */
  async next(): Promise<BatchItem<T, R> | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const item = this.#take();
      // Before the caller does its own work with the item: meanwhile others are to be scored.
      this.#pull();
      if (item !== undefined) return item;
      if (this.#sourceEnded && this.#given === this.#pulled) {
        if (this.#sourceError !== undefined) throw this.#sourceError.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async end(): Promise<void> {
    this.#stopListening();
    if (this.#given < this.#pulled)
      this.#controller.abort(new HyperIQAError('ERR_ABORTED', 'The loop over the results was left.'));
    if (this.#sourceEnded) return;
    this.#sourceEnded = true;
    const ended = Promise.resolve(this.#iterator.return?.()).catch(() => undefined);
    // A source that is waiting for its next input may wait for ever; its end cannot be waited for then.
    if (!this.#pulling) await ended;
  }

  #take(): BatchItem<T, R> | undefined {
    const index = this.#plan.order === 'input' ? this.#given : this.#ready.keys().next().value;
    const item = index === undefined ? undefined : this.#ready.get(index);
    if (item === undefined) return undefined;
    this.#ready.delete(item.index);
    this.#given++;
    return item;
  }

  #pull(): void {
    if (this.#pulling || this.#sourceEnded || this.#pulled - this.#given >= this.#plan.concurrency) return;
    this.#pulling = true;
    // Through a promise also where the source is not asynchronous: what it throws is then caught in the same way.
    Promise.resolve()
      .then(() => this.#iterator.next())
      .then(
        ({ done, value }: IteratorResult<T, unknown>) => {
          this.#pulling = false;
          // `end` may have come in between.
          if (this.#sourceEnded) return;
          if (done) this.#sourceEnded = true;
          else this.#start(value, this.#pulled++);
          this.#pull();
          this.#wake();
        },
        (error: unknown) => {
          this.#pulling = false;
          this.#sourceEnded = true;
          this.#sourceError = { error };
          this.#wake();
        },
      );
  }

  #start(input: T, index: number): void {
    this.#plan.score(input, this.#controller.signal).then(
      (result) => {
        this.#ready.set(index, { input, index, result });
        this.#wake();
      },
      (reason: unknown) => {
        const error = toHyperIQAError(reason);
        // Every further image would fail with the same, without end where the source has none.
        if (error.code === 'ERR_DISPOSED') this.#fail(error);
        this.#ready.set(index, { input, index, error });
        this.#wake();
      },
    );
  }

  #fail(error: HyperIQAError): void {
    this.#failure ??= error;
    this.#wake();
  }
}
