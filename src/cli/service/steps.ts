/** What the commands of `portd service` share: whose service it is, and doing steps or only printing them. */
import { resolvePath } from "../../project/project.ts";
import { flagValue, runSteps, type ServiceControl, type ServiceStatus, type Step } from "../../service/service.ts";
import { defaultStateDir, serviceStateDir } from "../../state/state_folder.ts";
import type { Having } from "../answer.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { UsageError } from "../exit.ts";
import { escapeControls, writeJson } from "../terminal.ts";

/** Fields of each step that `--dry-run` prints. */
export const STEP_FIELDS = ["does", "text"] as const;

/** Flags of every command of `portd service`: they ask the system, and not a daemon. */
export type ServiceFlags = Pick<CommonFlags, "stateDir" | "json"> & { readonly user?: boolean };

/** Flags of the commands that change the service. */
export type ChangeFlags = ServiceFlags & { readonly dryRun?: boolean };

/** The service that the flags name. @throws {UsageError} for that of a user, where a user has none. */
export async function openControl(context: CliContext, { user = false }: ServiceFlags): Promise<ServiceControl> {
  if (user && context.os === "windows") {
    throw new UsageError(
      "Cannot use --user: Windows has no services of a user; portd serve --detach runs portd without a service",
    );
  }
  return await context.openService({ isUser: user });
}

/** The same. @throws {Deno.errors.PermissionDenied} when this user may not change the service; not with `--dry-run`. */
export async function openToChange(context: CliContext, flags: ChangeFlags): Promise<ServiceControl> {
  const control = await openControl(context, flags);
  const refusal = flags.dryRun ? undefined : await control.refusal();
  if (refusal === undefined) return control;
  throw new Deno.errors.PermissionDenied(`Cannot change the service: ${refusal}`);
}

/** Does the steps and prints each on stderr. With `--dry-run` it prints them on stdout, with their texts, and does none. */
export async function carryOut(context: CliContext, flags: ChangeFlags, steps: readonly Step[]): Promise<void> {
  const { stdout, stderr } = context.process;
  if (!flags.dryRun) return await runSteps(steps, ({ does }) => stderr.write(`${escapeControls(does)}\n`));
  if (flags.json) {
    writeJson(stdout, steps.map(({ does, text }) => ({ does, text } satisfies Having<typeof STEP_FIELDS>)), 2);
  } else stdout.write(steps.map(dryText).join(""));
}

function dryText({ does, text }: Step): string {
  const lines = text?.trimEnd().split("\n").map((line) => `    ${escapeControls(line)}`.trimEnd()) ?? [];
  return [escapeControls(does), ...lines].map((line) => `${line}\n`).join("");
}

/** The state folder of the service when none is given. Never that of PORTD_STATE_DIR. Absolute. */
export function defaultServiceDir({ os, env, isRoot }: CliContext, { user = false }: ServiceFlags): string {
  return user ? defaultStateDir(os, env, isRoot) : serviceStateDir(os, env);
}

/** The state folder of the service: the given one, else that of the installed service, else the default. */
export function serviceDirOf(
  context: CliContext,
  flags: ServiceFlags,
  { command }: Pick<ServiceStatus, "command">,
): string {
  if (flags.stateDir !== undefined) return resolvePath(context.cwd, flags.stateDir);
  return installedDir(command) ?? defaultServiceDir(context, flags);
}

/** The state folder in the words of an installed service. */
export function installedDir(command: readonly string[] | null): string | undefined {
  return flagValue(command, "--state-dir");
}

/** The steps that stop and start it. Those that start it are known only once it is stopped: they count as one step. */
export async function restartSteps(control: ServiceControl): Promise<readonly Step[]> {
  const stop = await control.stop();
  if (stop.length === 0) return await control.start();
  const start = async () => await runSteps(await control.start(), () => {});
  return [...stop, { does: "start the service again", run: start }];
}
