/** The commands that `@hyperiqa/evaluation` adds to hyperiqa. */
import type { AddOn } from 'hyperiqa/add-on';
import { evalCommand } from './eval.js';
import { reportCommand } from './report.js';

export const addOn: AddOn = { commands: (kit) => [evalCommand(kit), reportCommand(kit)] };
