/** `portd service install`: what is installed, and warnings for the user who installs it. */
import { askPortd } from "../../client/ask.ts";
import { type Config, environmentName, loadConfig, SETTINGS, splitAddress } from "../../config.ts";
import type { ServiceDefinition, ServiceStatus } from "../../service/service.ts";
import { VERSION } from "../../version.ts";
import type { CliContext } from "../context.ts";
import { type ConfigFlags, configWords, loadOptions } from "../daemon/config_flags.ts";
import { candidates } from "../daemon/places.ts";
import { UsageError } from "../exit.ts";
import { escapeControls, toJson } from "../terminal.ts";
import {
  carryOut,
  type ChangeFlags,
  checkRights,
  commandText,
  defaultServiceDir,
  installedDir,
  openControl,
  restartSteps,
  runningVersion,
} from "./steps.ts";

/** Flags of `portd service install`. */
export type InstallFlags = ChangeFlags & ConfigFlags & { readonly reservePool?: boolean };

/** Installs the service, or replaces another version by this portd. */
export async function install(context: CliContext, flags: InstallFlags): Promise<void> {
  if (flags.reservePool && context.os !== "windows") {
    throw new UsageError("Cannot use --reserve-pool: only Windows can keep ports for a service");
  }
  const control = await openControl(context, flags);
  await checkRights(control, flags);
  const before = await control.status();
  const config = await configOf(context, flags, before);
  const definition = definitionOf(context, flags, config);
  const changes = await control.install(definition);
  const steps = changes.length === 0 && isOutdated(before, definition) ? await restartSteps(control) : changes;
  for (const warning of [...environmentWarnings(context), ...await otherDaemonWarnings(context, config, before)]) {
    context.process.stderr.write(`warning: ${escapeControls(warning)}\n`);
  }
  await carryOut(context, flags, steps);
  const { stdout, stderr } = context.process;
  if (steps.length === 0) stderr.write("already installed\n");
  if (flags.dryRun) return;
  const { state, definition: path } = await control.status();
  if (flags.json) {
    return stdout.write(`${toJson({ definition: path, state, steps: steps.map(({ does }) => does) })}\n`);
  }
  stdout.write(`${escapeControls(path ?? "")}\n`);
  if (state !== "running") stderr.write(`start it with: ${commandText("start", flags)}\n`);
}

/**
 * The configuration that the service will have: these flags, its own state folder, and nothing of this environment. An
 * installed service keeps its state folder unless another one is named.
 */
async function configOf(context: CliContext, flags: InstallFlags, { command }: ServiceStatus): Promise<Config> {
  const stateDir = flags.stateDir ?? installedDir(command) ?? defaultServiceDir(context, flags);
  const options = loadOptions({ ...context, env: {} }, { ...flags, stateDir });
  if (flags.stateDir !== undefined) return (await loadConfig(options)).config;
  const { stateDir: _default, ...others } = options.flags; // --set stateDir=DIR goes before the default
  return (await loadConfig({ ...options, flags: { ...Object.fromEntries(flags.set ?? []), ...others } })).config;
}

function definitionOf(context: CliContext, flags: InstallFlags, { stateDir, pool }: Config): ServiceDefinition {
  const [program, ...words] = context.self;
  return {
    self: [program!, ...words],
    words: ["--state-dir", stateDir, ...configWords(flags, context.cwd)],
    stateDir,
    reserve: flags.reservePool ? pool : [],
  };
}

/** Whether the service still runs another version, although this one is installed. */
function isOutdated({ state }: ServiceStatus, { stateDir }: ServiceDefinition): boolean {
  const version = runningVersion(stateDir);
  return state === "running" && version !== undefined && version !== VERSION;
}

/** Settings of this environment, which the service will not have. */
function environmentWarnings({ env }: CliContext): string[] {
  const names = [...Object.keys(SETTINGS).map(environmentName), "PORTD_CONFIG"];
  return [...new Set(names)].filter((name) => env[name] !== undefined).map((name) =>
    `${name} is set here, and the service will not see it: give the setting as a flag, or write it into config.yaml`
  );
}

/** Warns of another daemon that has the address or the file of the service. */
async function otherDaemonWarnings(context: CliContext, config: Config, service: ServiceStatus): Promise<string[]> {
  const hasPort = splitAddress(config.listen)?.port !== 0;
  const urls = candidates({ ...context, env: { PORTD_LISTEN: config.listen } }, config.stateDir);
  for (const url of hasPort ? urls : urls.slice(0, -1)) {
    const other = await askPortd(url);
    if (other === undefined || (service.pid !== null && (other.pid ?? service.pid) === service.pid)) continue;
    const who = other.version === null ? "a portd" : `portd ${other.version} (pid ${other.pid})`;
    return [`${who} serves ${url}: the service cannot start while it runs; stop it with: portd stop`];
  }
  return [];
}
