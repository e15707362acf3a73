/** Many images, some at a time. */
import { isReadable } from 'node:stream';
import { types } from 'node:util';

import { abortedError, onAbort } from '../support/abort.js';
import { HyperIQAError, toHyperIQAError } from '../errors.js';
import type { BatchItem } from '../types.js';
import { checkInteger, checkOneOf, invalid } from '../support/validate.js';

export interface ScoreAllPlan<T, R> {
  /** Does one input; takes the signal that ends all of them. */
  score: (input: T, signal: AbortSignal) => Promise<R>;
  /** Inputs that have been pulled and not yet been handed out as items. */
  concurrency: number;
  order: 'input' | 'completed';
  signal: AbortSignal | undefined;
  /**
   * True if further inputs would be refused with ERR_DISPOSED: then none is pulled, and the calls under way end first.
   */
  ending?: () => boolean;
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
 * @param maxPending - Calls that may be unfinished at a time: to pull more inputs would only make them wait.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function checkBatchOptions(
  { concurrency, order }: { concurrency?: number | undefined; order?: 'input' | 'completed' | undefined },
  defaultConcurrency: () => number,
  maxPending: number,
): Pick<ScoreAllPlan<unknown, unknown>, 'concurrency' | 'order'> {
  const wanted =
    concurrency === undefined ? defaultConcurrency() : checkInteger('concurrency', concurrency, 1, 1_000_000);
  return {
    concurrency: Math.min(wanted, maxPending),
    order: order === undefined ? 'input' : checkOneOf('order', order, ['input', 'completed']),
  };
}

/**
 * Pulls inputs as far ahead as `concurrency` allows, and gives an item for each; nothing is pulled before the first is asked
 * for. Leaving the loop, an abort and a disposed scorer end what is under way at once, also while nobody asks for an item;
 * an error of the source is thrown after the items that were pulled before it. The source's `return` is called where it has
 * not ended by itself.
 */
export function scoreAll<T, R>(
  inputs: Iterable<T> | AsyncIterable<T>,
  plan: ScoreAllPlan<T, R>,
): AsyncGenerator<BatchItem<T, R>, void, undefined> {
  return new Run(inputs, plan);
}

type Item<T, R> = IteratorResult<BatchItem<T, R>, void>;
const DONE = { done: true, value: undefined } as const;

/**
 * An async generator by hand: one of the language's own would hear of `return` only after the item that somebody is waiting
 * for, and of an abort only when it is asked for the next one.
 */
class Run<T, R> implements AsyncGenerator<BatchItem<T, R>, void, undefined> {
  readonly #inputs: Iterable<T> | AsyncIterable<T>;
  readonly #plan: ScoreAllPlan<T, R>;
  /** Iterator of the source, once the first item has been asked for. */
  #iterator: AnyIterator<T> | undefined;
  /** Ends the scores that are under way. */
  readonly #controller = new AbortController();
  #stopListening: () => void = () => undefined;
  /** Calls of `next` that wait for an item, in order. */
  readonly #asking: { resolve: (item: Item<T, R>) => void; reject: (error: unknown) => void }[] = [];
  /** Items that are ready, by index; a Map keeps the order in which they became so. */
  readonly #ready = new Map<number, BatchItem<T, R>>();
  /** Pulled inputs so far, which is the index of the next one. */
  #pulled = 0;
  /** Items handed out. */
  #given = 0;
  #pulling = false;
  #sourceEnded = false;
  /** The source's error, for after everything that was started. */
  #sourceError: { error: unknown } | undefined;
  /** Error that ended the iteration while no item was being asked for. */
  #failure: HyperIQAError | undefined;
  #ended = false;

  constructor(inputs: Iterable<T> | AsyncIterable<T>, plan: ScoreAllPlan<T, R>) {
    this.#inputs = inputs;
    this.#plan = plan;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws the source's error, or a HyperIQAError that ends everything */
  async next(): Promise<Item<T, R>> {
    if (!this.#ended && this.#iterator === undefined) this.#start();
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (this.#ended) return DONE;
    return new Promise((resolve, reject) => {
      this.#asking.push({ resolve, reject });
      this.#serve();
    });
  }

  async return(): Promise<Item<T, R>> {
    this.#failure = undefined;
    await this.#end(new HyperIQAError('ERR_ABORTED', 'The loop over the results was left.'));
    return DONE;
  }

  async throw(error: unknown): Promise<Item<T, R>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #start(): void {
    const { signal } = this.#plan;
    const inputs = this.#inputs;
    // Set before the iterator is asked for, so that an error thrown here ends the iteration.
    this.#ended = true;
    if (signal?.aborted) throw abortedError(signal);
    this.#iterator = Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
    this.#ended = false;
    this.#stopListening = onAbort(signal, () => {
      if (signal !== undefined) this.#fail(abortedError(signal));
    });
  }

  /** Gives what is ready to those who ask. */
  #serve(): void {
    while (this.#asking.length > 0) {
      const item = this.#take();
      if (item === undefined) break;
      this.#asking.shift()?.resolve({ done: false, value: item });
    }
    // Before the caller does its own work with the item: meanwhile others are to be scored.
    this.#pull();
    if (this.#asking.length === 0 || !this.#sourceEnded || this.#given < this.#pulled) return;
    if (this.#sourceError !== undefined) this.#asking.shift()?.reject(this.#sourceError.error);
    void this.#end(undefined);
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
    if (!this.#sourceEnded && !this.#pulling && this.#plan.ending?.()) this.#stopPulling();
    if (this.#pulling || this.#sourceEnded || this.#pulled - this.#given >= this.#plan.concurrency) return;
    this.#pulling = true;
    // Through a promise also where the source is not asynchronous: what it throws is then caught in the same way.
    Promise.resolve()
      .then(() => this.#iterator?.next() ?? DONE)
      .then(
        ({ done, value }: IteratorResult<T, unknown>) => {
          this.#pulling = false;
          // The end may have come in between.
          if (this.#sourceEnded) return;
          if (done) this.#sourceEnded = true;
          else if (this.#plan.ending?.()) this.#refuse(value);
          else this.#score(value, this.#pulled++);
          this.#serve();
        },
        (error: unknown) => {
          this.#pulling = false;
          this.#sourceEnded = true;
          this.#sourceError = { error };
          this.#serve();
        },
      );
  }

  #score(input: T, index: number): void {
    this.#plan.score(input, this.#controller.signal).then(
      (result) => {
        this.#put({ input, index, result });
      },
      (reason: unknown) => {
        const error = toHyperIQAError(reason);
        // Every further image would fail with the same code, without end where the source has none.
        if (error.code === 'ERR_DISPOSED') this.#fail(error);
        this.#put({ input, index, error });
      },
    );
  }

  /** Gives an input back that came too late, as an item, so that none is lost. */
  #refuse(input: T): void {
    const index = this.#pulled++;
    this.#stopPulling();
    this.#put({ input, index, error: disposedError() });
  }

  /** Ends the source, because further inputs would be refused; what is under way goes on. */
  #stopPulling(): void {
    if (this.#sourceEnded) return;
    this.#sourceEnded = true;
    this.#sourceError = { error: disposedError() };
    void this.#closeSource();
  }

  #put(item: BatchItem<T, R>): void {
    if (this.#ended) return;
    this.#ready.set(item.index, item);
    this.#serve();
  }

  #fail(error: HyperIQAError): void {
    if (this.#ended) return;
    const first = this.#asking.shift();
    if (first === undefined) this.#failure = error;
    else first.reject(error);
    void this.#end(error);
  }

  /**
   * Ends everything that is under way, and closes the source.
   *
   * @param reason - What the scores that are under way are aborted with; undefined where there are none.
   */
  async #end(reason: HyperIQAError | undefined): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopListening();
    if (reason !== undefined && this.#given < this.#pulled) this.#controller.abort(reason);
    this.#ready.clear();
    for (const { resolve } of this.#asking.splice(0)) resolve(DONE);
    if (this.#sourceEnded) return;
    this.#sourceEnded = true;
    await this.#closeSource();
  }

  async #closeSource(): Promise<void> {
    // A source that is waiting for its next input may wait for ever; its end cannot be waited for then.
    const idle = !this.#pulling;
    const closed = Promise.resolve()
      .then(() => this.#iterator?.return?.())
      .catch(() => undefined);
    if (idle) await closed;
  }
}

const disposedError = () => new HyperIQAError('ERR_DISPOSED', 'No more inputs are taken: it was disposed of.');
