/** Controls how a process that has LibTorch open ends. Has no imports: the command line loads it whether LibTorch is opened or not. */

let skip: (() => void) | undefined;

/** Names what `skipTeardown` does, once LibTorch is open. */
export function onSkipTeardown(action: () => void): void {
  skip = action;
}

/**
 * Ends this process, when it does end, without taking LibTorch's static objects down, which takes a tenth of a second. For a
 * process of our own: handlers that a host registered with the C library's `atexit` are left out too.
 */
export function skipTeardown(): void {
  skip?.();
}
