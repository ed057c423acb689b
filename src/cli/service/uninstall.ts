/** `portd service uninstall`: removes the service, and with `--purge` its state too. */
import { askPortd } from "../../client/ask.ts";
import { ifThereAsync } from "../../errors.ts";
import type { Step } from "../../service/service.ts";
import { isOwnFile, readDaemonFile } from "../../state/state_folder.ts";
import { confirm } from "../confirm.ts";
import type { Having } from "../answer.ts";
import type { CliContext } from "../context.ts";
import { escapeControls, writeJson, writeLine } from "../terminal.ts";
import { findRules } from "./rules.ts";
import { carryOut, type ChangeFlags, openToChange, serviceDirOf } from "./steps.ts";

/** Fields of the answer. */
export const UNINSTALL_FIELDS = ["steps", "stateDir", "removed", "kept"] as const;

/** Flags of `portd service uninstall`. */
export type UninstallFlags = ChangeFlags & { readonly purge?: boolean; readonly yes?: boolean };

/** Uninstalls the service. */
export async function uninstall(context: CliContext, flags: UninstallFlags): Promise<void> {
  const control = await openToChange(context, flags);
  const status = await control.status();
  const stateDir = serviceDirOf(context, flags, status);
  const rules = await findRules(context, { stateDir, command: status.command });
  const removal = [...await control.uninstall(), ...rules.steps];
  const paths = flags.purge ? (await namesIn(stateDir, isOwn)).map((name) => pathOf(stateDir, name)) : [];
  if (flags.purge) await checkPurge(context, flags, { stateDir, pid: status.pid, isEmpty: paths.length === 0 });
  // The service removes some of its files itself when it stops.
  const purge = paths.map((path): Step => ({
    does: `remove ${path}`,
    run: () => ifThereAsync(() => Deno.remove(path)),
  }));
  await carryOut(context, flags, [...removal, ...purge]);
  const { stdout, stderr } = context.process;
  if (removal.length === 0) stderr.write("not installed\n");
  if (rules.unknown !== undefined && !flags.user) {
    writeLine(stderr, `warning: rules of portd may be left in the firewall: ${rules.unknown}`);
  }
  if (flags.dryRun) return;
  const kept = await namesIn(stateDir);
  if (flags.purge && kept.length === 0) await ifThereAsync(() => Deno.remove(stateDir));
  if (flags.json) {
    const answer = { steps: removal.map(({ does }) => does), stateDir, removed: paths, kept };
    return writeJson(stdout, answer satisfies Having<typeof UNINSTALL_FIELDS>);
  }
  if (kept.length > 0) writeLine(stderr, `kept in ${stateDir}: ${kept.join(", ")}`);
}

/** @throws {Error} when another daemon uses the folder; ends the command when the user says no. */
async function checkPurge(
  context: CliContext,
  { yes = false, dryRun = false }: UninstallFlags,
  { stateDir, pid, isEmpty }: { readonly stateDir: string; readonly pid: number | null; readonly isEmpty: boolean },
): Promise<void> {
  const recorded = readDaemonFile(stateDir);
  const other = recorded === undefined || recorded.pid === pid ? undefined : await askPortd(recorded.url);
  if (other !== undefined && (other.pid ?? recorded!.pid) === recorded!.pid) {
    throw new Error(`Cannot remove ${stateDir}: portd (pid ${recorded!.pid}) uses it; stop it with: portd stop`);
  }
  if (dryRun || isEmpty) return;
  const preface = `all that portd has written into ${escapeControls(stateDir)} will be gone, its leases too\n`;
  await confirm(context, "Uninstall the service and remove its state?", { preface, yes });
}

/** Whether it is one of portd's own files, and neither a folder nor a link. */
function isOwn({ name, isFile }: Deno.DirEntry): boolean {
  return isFile && isOwnFile(name);
}

/** The names in a folder, sorted; none where there is no such folder. */
async function namesIn(folder: string, isWanted: (entry: Deno.DirEntry) => boolean = () => true): Promise<string[]> {
  const entries = await ifThereAsync(() => Array.fromAsync(Deno.readDir(folder))) ?? [];
  return entries.filter(isWanted).map(({ name }) => name).sort();
}

function pathOf(folder: string, name: string): string {
  return `${folder}${folder.includes("\\") ? "\\" : "/"}${name}`;
}
