/** `portd service uninstall`: removes the service, and with `--purge` its state too. */
import { askPortd } from "../../client/ask.ts";
import { ifThereAsync } from "../../errors.ts";
import type { ServiceControl, Step } from "../../service/service.ts";
import { isOwnFile, readDaemonFile } from "../../state/state_folder.ts";
import { confirm } from "../confirm.ts";
import type { CliContext } from "../context.ts";
import { escapeControls, toJson } from "../terminal.ts";
import { findRules } from "./rules.ts";
import { carryOut, type ChangeFlags, checkRights, openControl, serviceDirOf } from "./steps.ts";

/** Flags of `portd service uninstall`. */
export type UninstallFlags = ChangeFlags & { readonly purge?: boolean; readonly yes?: boolean };

/** Uninstalls the service. */
export async function uninstall(context: CliContext, flags: UninstallFlags): Promise<void> {
  const control = await openControl(context, flags);
  await checkRights(control, flags);
  const stateDir = await serviceDirOf(context, flags, control);
  const rules = await findRules(context, { stateDir, command: (await control.status()).command });
  const removal = [...await control.uninstall(), ...rules.steps];
  const files = flags.purge ? await ownFiles(stateDir) : [];
  if (flags.purge) await checkPurge(context, flags, { stateDir, files, control });
  const purge = files.map((name): Step => ({
    does: `remove ${pathOf(stateDir, name)}`,
    // The service removes some of its files itself when it stops.
    run: () => ifThereAsync(() => Deno.remove(pathOf(stateDir, name))),
  }));
  await carryOut(context, flags, [...removal, ...purge]);
  const { stdout, stderr } = context.process;
  if (removal.length === 0) stderr.write("not installed\n");
  if (rules.unknown !== undefined && !flags.user) {
    stderr.write(`warning: rules of portd may be left in the firewall: ${escapeControls(rules.unknown)}\n`);
  }
  if (flags.dryRun) return;
  const kept = flags.purge ? await removeIfEmpty(stateDir) : await namesIn(stateDir);
  if (flags.json) {
    const removed = files.map((name) => pathOf(stateDir, name));
    return stdout.write(`${toJson({ steps: removal.map(({ does }) => does), stateDir, removed, kept })}\n`);
  }
  if (kept.length > 0) stderr.write(`${escapeControls(`kept in ${stateDir}: ${kept.join(", ")}`)}\n`);
}

interface PurgePlan {
  readonly stateDir: string;
  readonly files: readonly string[];
  readonly control: ServiceControl;
}

/** @throws {Error} when another daemon uses the folder; ends the command when the user says no. */
async function checkPurge(
  context: CliContext,
  { yes = false, dryRun = false }: UninstallFlags,
  { stateDir, files, control }: PurgePlan,
): Promise<void> {
  const recorded = readDaemonFile(stateDir);
  const { pid } = await control.status();
  const other = recorded === undefined || recorded.pid === pid ? undefined : await askPortd(recorded.url);
  if (other !== undefined && (other.pid ?? recorded!.pid) === recorded!.pid) {
    throw new Error(`Cannot remove ${stateDir}: portd (pid ${recorded!.pid}) uses it; stop it with: portd stop`);
  }
  if (dryRun || files.length === 0) return;
  const preface = `all that portd has written into ${escapeControls(stateDir)} will be gone, its leases too\n`;
  await confirm(context, "Uninstall the service and remove its state?", { preface, yes });
}

/** The names of portd's own files: no folders, and no links. */
async function ownFiles(stateDir: string): Promise<string[]> {
  const entries = await entriesOf(stateDir);
  return entries.filter(({ name, isFile }) => isFile && isOwnFile(name)).map(({ name }) => name).sort();
}

async function namesIn(stateDir: string): Promise<string[]> {
  return (await entriesOf(stateDir)).map(({ name }) => name).sort();
}

async function entriesOf(stateDir: string): Promise<Deno.DirEntry[]> {
  return await ifThereAsync(() => Array.fromAsync(Deno.readDir(stateDir))) ?? [];
}

/** @returns the names that are left. */
async function removeIfEmpty(stateDir: string): Promise<string[]> {
  const left = await namesIn(stateDir);
  if (left.length === 0) await ifThereAsync(() => Deno.remove(stateDir));
  return left;
}

function pathOf(folder: string, name: string): string {
  return `${folder}${folder.includes("\\") ? "\\" : "/"}${name}`;
}
