/** SIGINT and SIGTERM. */

/** The next of the two; until then, and afterwards, they do what they do by default. */
export function nextSignal(): Promise<'SIGINT' | 'SIGTERM'> {
  return new Promise((resolve) => {
    const names = ['SIGINT', 'SIGTERM'] as const;
    const heard = (name: NodeJS.Signals) => {
      for (const other of names) process.off(other, heard);
      resolve(name === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
    };
    for (const name of names) process.on(name, heard);
  });
}
