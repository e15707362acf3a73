/** Installs a runtime: puts it in place whole or not at all, and makes it the one in use. */
import { abortedError } from '../../support/abort.js';
import { runtimeFolder, runtimesFolder, type RuntimeKind } from '../runtime-folders.js';
import { PLATFORM } from '../version.js';
import { assemble, type Order } from './assemble.js';
import { asFailure, failure } from './failures.js';
import { checkGlibc } from './glibc.js';
import { readInstalled, select, writeRecord } from './record.js';
import type { InstalledRuntime } from './types.js';
import { wheelsFor, type Lock } from './wheel-lock.js';
import { inWorkFolder, settle } from './work-folder.js';

/** Checked options. */
export interface InstallPlan extends Omit<Order, 'purpose'> {
  kind: RuntimeKind;
  force: boolean;
}

/**
 * Installs the runtime, unless it is installed, and makes it the one in use. It is put together in a work folder beside
 * its place and takes its name when it is complete; of several runs at once the first one wins.
 *
 * @throws HyperIQAError ERR_RUNTIME_SOURCE, ERR_RUNTIME_DOWNLOAD, ERR_RUNTIME_HASH, ERR_RUNTIME_ARCHIVE,
 *   ERR_RUNTIME_CACHE, ERR_ABORTED
 */
export async function install(plan: InstallPlan, lock: Lock): Promise<InstalledRuntime> {
  const { kind, force, signal } = plan;
  const parent = runtimesFolder();
  try {
    signal?.throwIfAborted();
    wheelsFor(kind, lock);
    checkGlibc();
    if (force || !(await isWhole(kind))) await inWorkFolder(parent, (work) => installAnew(plan, lock, work));
    await select(kind);
  } catch (error) {
    throw signal?.aborted ? abortedError(signal) : asFailure(error, parent);
  }
  const installed = await readInstalled(kind);
  if (installed === undefined) {
    throw failure('ERR_RUNTIME_CACHE', `${runtimeFolder(kind)} was removed while it was being installed. Run again.`);
  }
  return installed;
}

async function installAnew(plan: InstallPlan, lock: Lock, work: string): Promise<void> {
  const { kind, force, signal } = plan;
  const { folder, version, origins, files } = await assemble({ ...plan, purpose: kind }, lock, work);
  await writeRecord(folder, {
    formatVersion: 1,
    kind,
    platform: PLATFORM,
    version,
    installedAt: new Date().toISOString(),
    origins,
    files,
  });
  signal?.throwIfAborted();
  // A run that was asked to replace what is there does so; any other accepts what another run finished first.
  await settle(folder, runtimeFolder(kind), work, async () => !force && (await isWhole(kind)));
}

async function isWhole(kind: RuntimeKind): Promise<boolean> {
  const installed = await readInstalled(kind);
  return installed?.problem === null;
}
