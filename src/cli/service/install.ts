/** `portd service install`: what is installed, and warnings for the user who installs it. */
import { askPortd } from "../../client/ask.ts";
import { type Config, environmentName, loadConfig } from "../../config.ts";
import { SETTINGS, splitAddress } from "../../settings.ts";
import { refuseMissingModules, withoutDownloads } from "../../service/modules.ts";
import type { ServiceDefinition, ServiceStatus } from "../../service/service.ts";
import { readDaemonFile } from "../../state/state_folder.ts";
import { VERSION } from "../../version.ts";
import type { Having } from "../answer.ts";
import type { CliContext } from "../context.ts";
import { type ConfigFlags, configWords, loadOptions } from "../daemon/config_flags.ts";
import { candidates } from "../daemon/places.ts";
import { UsageError } from "../exit.ts";
import { writeJson, writeLine } from "../terminal.ts";
import { carryOut, type ChangeFlags, defaultServiceDir, installedDir, openToChange, restartSteps } from "./steps.ts";

/** Fields of the answer. */
export const INSTALL_FIELDS = ["definition", "state", "standardHandles", "steps"] as const;

/** Flags of `portd service install`. */
export type InstallFlags = ChangeFlags & ConfigFlags & { readonly reservePool?: boolean };

/** Installs the service, or replaces another version by this portd. */
export async function install(context: CliContext, flags: InstallFlags): Promise<void> {
  if (flags.reservePool && context.os !== "windows") {
    throw new UsageError("Cannot use --reserve-pool: only Windows can keep ports for a service");
  }
  const control = await openToChange(context, flags);
  const before = await control.status();
  const config = await configOf(context, flags, before);
  const [program, ...words] = context.self;
  const self = withoutDownloads([program!, ...words]);
  await refuseMissingModules(self, context);
  const definition: ServiceDefinition = {
    self,
    words: ["--state-dir", config.stateDir, ...configWords(flags, context.cwd)],
    stateDir: config.stateDir,
    reserve: flags.reservePool ? config.pool : [],
  };
  const changes = await control.install(definition);
  const steps = changes.length === 0 && isOutdated(before, definition) ? await restartSteps(control) : changes;
  for (const warning of [...environmentWarnings(context), ...await otherDaemonWarnings(context, config, before)]) {
    warn(context, warning);
  }
  await carryOut(context, flags, steps);
  const { stdout, stderr } = context.process;
  if (steps.length === 0) stderr.write("already installed\n");
  if (flags.dryRun) return;
  const { state, pid, definition: path, standardHandles } = await control.status();
  if (flags.json) {
    const answer = { definition: path, state, standardHandles, steps: steps.map(({ does }) => does) };
    return writeJson(stdout, answer satisfies Having<typeof INSTALL_FIELDS>);
  }
  if (standardHandles !== undefined && steps.length > 0) {
    writeLine(stderr, `it runs (pid ${pid}), with ${standardHandles.join(", ")} as stdin, stdout and stderr`);
  }
  writeLine(stdout, path ?? "");
  if (state !== "running") stderr.write(`start it with: portd service start${flags.user ? " --user" : ""}\n`);
}

/**
 * The configuration that the service will have: these flags, its own state folder, and nothing of this environment. An
 * installed service keeps its state folder unless another one is named.
 */
async function configOf(context: CliContext, flags: InstallFlags, { command }: ServiceStatus): Promise<Config> {
  const stateDir = flags.stateDir ?? installedDir(command) ?? defaultServiceDir(context, flags);
  const options = {
    ...await loadOptions({ ...context, env: {} }, { ...flags, stateDir }),
    // Who only looks may not read the folder of the system's service.
    ...(flags.dryRun &&
      { onUnreadable: (path: string) => warn(context, `${path} may not be read, and is not checked`) }),
  };
  if (flags.stateDir !== undefined) return (await loadConfig(options)).config;
  const { stateDir: _default, ...others } = options.flags; // --set stateDir=DIR goes before the default
  return (await loadConfig({ ...options, flags: { ...Object.fromEntries(flags.set ?? []), ...others } })).config;
}

function warn({ process }: CliContext, text: string): void {
  writeLine(process.stderr, `warning: ${text}`);
}

/** Whether the service still runs another version, although this one is installed. */
function isOutdated({ state }: ServiceStatus, { stateDir }: ServiceDefinition): boolean {
  return state === "running" && (readDaemonFile(stateDir)?.version ?? VERSION) !== VERSION;
}

/** Settings of this environment, which the service will not have. */
function environmentWarnings({ env }: CliContext): string[] {
  const names = [...Object.keys(SETTINGS).map(environmentName), "PORTD_CONFIG"];
  return [...new Set(names)].filter((name) => env[name] !== undefined).map((name) =>
    `${name} is set here, and the service will not see it: give the setting as a flag, or write it into config.yaml`
  );
}

/** Warns of another daemon that has the address or the file of the service. */
async function otherDaemonWarnings(
  context: CliContext,
  config: Config,
  service: ServiceStatus,
): Promise<string[]> {
  const hasPort = splitAddress(config.listen)?.port !== 0;
  const urls = await Array.fromAsync(candidates(context, config));
  for (const url of hasPort ? urls : urls.slice(0, -1)) {
    const other = await askPortd(url);
    if (other === undefined || (service.pid !== null && (other.pid ?? service.pid) === service.pid)) continue;
    const who = other.version === null ? "a portd" : `portd ${other.version} (pid ${other.pid})`;
    return [`${who} serves ${url}: the service cannot start while it runs; stop it with: portd stop`];
  }
  return [];
}
