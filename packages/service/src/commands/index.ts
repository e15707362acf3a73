/** The command that `@hyperiqa/service` adds to hyperiqa. */
import type { AddOn } from 'hyperiqa/add-on';
import { serveCommand } from './serve.js';

export const addOn: AddOn = { commands: (kit) => [serveCommand(kit)] };
