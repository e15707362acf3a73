/** The command that `@hyperiqa/results` adds to hyperiqa. */
import type { AddOn } from 'hyperiqa/add-on';
import { mergeCommand } from './merge.js';

export const addOn: AddOn = { commands: (kit) => [mergeCommand(kit)] };
