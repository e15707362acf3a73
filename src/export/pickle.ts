/**
 * A reader of Python pickles that builds plain values only.
 *
 * A pickle is a program for a small stack machine. In Python its GLOBAL instruction fetches any function and REDUCE calls
 * it: that is how a hostile checkpoint runs code. Here GLOBAL gives a name, which is refused unless the caller knows it,
 * and REDUCE hands known names to the caller; there is nothing that could be run. Instructions are those that PyTorch's
 * own restricted unpickler has (torch/_weights_only_unpickler.py), and those that protocols 3 to 5 have for the same
 * values. Work and memory are bounded by the limits below, whatever the bytes say.
 */

/** A checkpoint of this network has about 20,000 instructions, with an optimiser's state three times as many. */
const MAXIMUM_INSTRUCTIONS = 500_000;
/** Sizes and offsets have 8 bytes, PyTorch's magic number has 10. */
const MAXIMUM_INTEGER_BYTES = 16;

/** A Python tuple. Lists are arrays, dictionaries are Maps, None is null, integers beyond 2⁵³ are bigints. */
export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** A name that stands for a Python class or function. */
export class Global {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}

  toString(): string {
    return `${this.module}.${this.name}`;
  }
}

/** The caller's answers to names, calls and references to things outside of the pickle. Each may throw. */
export interface Resolver {
  /** Refuses names that are not known, by throwing. */
  global(name: Global): void;
  /** The result of calling a known name. */
  call(callable: Global, args: readonly unknown[]): unknown;
  /** Resolves a persistent id. */
  persistent(id: unknown): unknown;
}

/** The bytes are no pickle, or one that this reader does not take; `message` says why. */
export class PickleError extends Error {}

/** The bytes end within the pickle. */
export class PickleEnd extends PickleError {
  constructor() {
    super('the pickle is cut off');
  }
}

/** An instruction that makes an object in a way that tensors and dictionaries are never made. */
export class PickleRefusal extends PickleError {}

const MARK = Symbol('mark');

/**
 * Reads the pickle at the start of `bytes`.
 *
 * @returns its value, and the number of bytes that it takes
 * @throws PickleError, PickleEnd, PickleRefusal, and what `resolver` throws
 */
export function unpickle(bytes: Buffer, resolver: Resolver): { value: unknown; length: number } {
  return new Machine(bytes, resolver).run();
}

/** The stack machine; the tables below say what each instruction does with it. */
class Machine {
  #position = 0;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(
    private readonly bytes: Buffer,
    readonly resolver: Resolver,
  ) {}

  run(): { value: unknown; length: number } {
    for (let count = 0; count < MAXIMUM_INSTRUCTIONS; count++) {
      const instruction = this.take(1).toString('latin1');
      if (instruction === STOP) return { value: this.pop(), length: this.#position };
      const value = VALUES.get(instruction);
      const action = ACTIONS.get(instruction);
      if (value) this.push(value(this));
      else if (action) action(this);
      else throw new PickleError(`instruction ${JSON.stringify(instruction)} does not belong there`);
    }
    throw new PickleError(`the pickle has more than ${MAXIMUM_INSTRUCTIONS} instructions`);
  }

  take(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.bytes.length) throw new PickleEnd();
    const taken = this.bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }

  uint(length: 1 | 2 | 4): number {
    return this.take(length).readUIntLE(0, length);
  }

  /** A length of 8 bytes. */
  long(): number {
    const value = this.take(8).readBigUInt64LE();
    // Longer than any file; it must not become a number that is not exact.
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  /** A text that ends with a line feed. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.#position);
    if (end < 0) throw new PickleEnd();
    const text = this.bytes.toString('utf8', this.#position, end);
    this.#position = end + 1;
    return text;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new PickleError('it takes a value that is not there');
    return value;
  }

  popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  popToMark(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw new PickleError('it goes back to a mark that is not there');
    const values = this.#stack.splice(mark + 1);
    this.#stack.pop();
    return values;
  }

  append(values: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw new PickleError('it appends to what is no list');
    for (const value of values) list.push(value);
  }

  set(pairs: readonly unknown[]): void {
    const dictionary = this.#top();
    if (!(dictionary instanceof Map)) throw new PickleError('it sets an entry of what is no dictionary');
    if (pairs.length % 2 !== 0) throw new PickleError('it sets an entry without a value');
    for (let i = 0; i < pairs.length; i += 2) dictionary.set(pairs[i], pairs[i + 1]);
  }

  remember(index = this.#memo.size): void {
    this.#memo.set(index, this.#top());
  }

  recall(index: number): unknown {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError('it recalls a value that is not there');
    return value;
  }

  reduce(): unknown {
    const [callable, args] = this.popMany(2);
    if (callable instanceof Global && args instanceof Tuple) return this.resolver.call(callable, args.items);
    throw new PickleRefusal('it calls something that is no known function');
  }

  /** Attributes of an object. Ordered dictionaries have some (`_metadata` of a state_dict), which mean nothing here. */
  build(): void {
    this.pop();
    if (!(this.#top() instanceof Map)) throw new PickleRefusal('it sets attributes of an object');
  }

  #top(): unknown {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw new PickleError('it uses a value that is not there');
    return value;
  }
}

/** Instructions that push a value. */
const VALUES = new Map<string, (machine: Machine) => unknown>([
  ['N', () => null],
  ['\x88', () => true],
  ['\x89', () => false],
  ['J', (m) => m.take(4).readInt32LE()],
  ['K', (m) => m.uint(1)],
  ['M', (m) => m.uint(2)],
  ['\x8a', (m) => integer(m, m.uint(1))],
  ['\x8b', (m) => integer(m, m.uint(4))],
  ['G', (m) => m.take(8).readDoubleBE()],
  ['X', (m) => m.take(m.uint(4)).toString('utf8')],
  ['\x8c', (m) => m.take(m.uint(1)).toString('utf8')],
  ['\x8d', (m) => m.take(m.long()).toString('utf8')],
  // Strings of Python 2, whose checkpoints have their names in them.
  ['T', (m) => m.take(m.uint(4)).toString('latin1')],
  ['U', (m) => m.take(m.uint(1)).toString('latin1')],
  // Bytes.
  ['B', (m) => Buffer.from(m.take(m.uint(4)))],
  ['C', (m) => Buffer.from(m.take(m.uint(1)))],
  ['\x8e', (m) => Buffer.from(m.take(m.long()))],
  [')', () => new Tuple([])],
  ['\x85', (m) => new Tuple(m.popMany(1))],
  ['\x86', (m) => new Tuple(m.popMany(2))],
  ['\x87', (m) => new Tuple(m.popMany(3))],
  ['t', (m) => new Tuple(m.popToMark())],
  [']', () => []],
  ['}', () => new Map()],
  ['(', () => MARK],
  ['h', (m) => m.recall(m.uint(1))],
  ['j', (m) => m.recall(m.uint(4))],
  ['c', (m) => global(m, m.line(), m.line())],
  ['\x93', (m) => global(m, ...(m.popMany(2) as [unknown, unknown]))],
  ['R', (m) => m.reduce()],
  ['Q', (m) => m.resolver.persistent(m.pop())],
]);

/** Instructions that push nothing. */
const ACTIONS = new Map<string, (machine: Machine) => void>([
  [
    '\x80',
    (m) => {
      requireProtocol(m.uint(1));
    },
  ],
  // FRAME: how many bytes follow, for readers from pipes.
  ['\x95', (m) => void m.take(8)],
  [
    'a',
    (m) => {
      m.append(m.popMany(1));
    },
  ],
  [
    'e',
    (m) => {
      m.append(m.popToMark());
    },
  ],
  [
    's',
    (m) => {
      m.set(m.popMany(2));
    },
  ],
  [
    'u',
    (m) => {
      m.set(m.popToMark());
    },
  ],
  [
    'q',
    (m) => {
      m.remember(m.uint(1));
    },
  ],
  [
    'r',
    (m) => {
      m.remember(m.uint(4));
    },
  ],
  [
    '\x94',
    (m) => {
      m.remember();
    },
  ],
  [
    'b',
    (m) => {
      m.build();
    },
  ],
  // INST names a class and makes an object of it; the others make one of a class on the stack, or of a number that
  // stands for one.
  ['i', (m) => refuse(`it makes an object of ${String(global(m, m.line(), m.line()))}`)],
  ['o', () => refuse('it makes an object of a class')],
  ['\x81', () => refuse('it makes an object of a class')],
  ['\x92', () => refuse('it makes an object of a class')],
  ['\x82', () => refuse("it refers to Python's extension registry")],
  ['\x83', () => refuse("it refers to Python's extension registry")],
  ['\x84', () => refuse("it refers to Python's extension registry")],
]);

const STOP = '.';

function global(machine: Machine, module: unknown, name: unknown): Global {
  if (typeof module !== 'string' || typeof name !== 'string') throw new PickleError('a global has no name');
  const result = new Global(module, name);
  machine.resolver.global(result);
  return result;
}

function requireProtocol(protocol: number): void {
  if (protocol > 5) throw new PickleError(`it has protocol ${protocol}, and those up to 5 are known`);
}

function refuse(reason: string): never {
  throw new PickleRefusal(reason);
}

/** Two's complement, least significant byte first; no bytes are 0. */
function integer(machine: Machine, length: number): number | bigint {
  if (length === 0) return 0;
  if (length > MAXIMUM_INTEGER_BYTES) throw new PickleError(`it has an integer of ${length} bytes`);
  const digits = Buffer.from(machine.take(length)).reverse().toString('hex');
  const value = BigInt.asIntN(length * 8, BigInt(`0x${digits}`));
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
