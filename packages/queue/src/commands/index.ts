/** The commands that `@hyperiqa/queue` adds to hyperiqa. */
import type { AddOn } from 'hyperiqa/add-on';
import { enqueueCommand } from './enqueue.js';
import { queueCommand } from './queue.js';
import { statusCommand } from './status.js';
import { workerCommand } from './worker.js';

export const addOn: AddOn = {
  commands: (kit) => [enqueueCommand(kit), workerCommand(kit), statusCommand(kit), queueCommand(kit)],
};
