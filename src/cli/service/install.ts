/** `portd service install`: what is to be installed, and what whoever installs it should know. */
import { type Config, environmentName, loadConfig, SETTINGS, splitAddress } from "../../config.ts";
import type { ServiceDefinition, ServiceStatus } from "../../service/service.ts";
import { VERSION } from "../../version.ts";
import type { CliContext } from "../context.ts";
import { askDaemon } from "../daemon/ask.ts";
import { type ConfigFlags, configWords, loadOptions } from "../daemon/config_flags.ts";
import { candidates } from "../daemon/places.ts";
import { UsageError } from "../exit.ts";
import { neutralise, toJson } from "../terminal.ts";
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

/** Installs the service, or puts this portd in the place of another version. */
export async function install(context: CliContext, flags: InstallFlags): Promise<void> {
  if (flags.user && flags.reservePool) {
    throw new UsageError(
      "Cannot use --reserve-pool with --user: only for the service of the system are ports reserved",
    );
  }
  const control = await openControl(context, flags);
  await checkRights(control, flags);
  const before = await control.status();
  const config = await configOf(context, flags, before);
  const definition = definitionOf(context, flags, config);
  const changes = await control.install(definition);
  const steps = changes.length === 0 && isOutdated(before, definition) ? await restartSteps(control) : changes;
  for (const warning of [...environmentWarnings(context), ...await rivalWarnings(context, config, before)]) {
    context.process.stderr.write(`warning: ${neutralise(warning)}\n`);
  }
  await carryOut(context, flags, steps);
  const { stdout, stderr } = context.process;
  if (steps.length === 0) stderr.write("already installed\n");
  if (flags.dryRun) return;
  const { state, definition: place } = await control.status();
  if (flags.json) {
    return stdout.write(`${toJson({ definition: place, state, steps: steps.map(({ does }) => does) })}\n`);
  }
  stdout.write(`${neutralise(place ?? "")}\n`);
  if (state !== "running") stderr.write(`start it with: ${commandText("start", flags)}\n`);
}

/**
 * The configuration that the service will have: with these flags, its own state folder and none of our environment. A
 * service that is installed keeps its state folder unless another one is named.
 */
async function configOf(context: CliContext, flags: InstallFlags, { command }: ServiceStatus): Promise<Config> {
  const stateDir = flags.stateDir ?? installedDir(command) ?? defaultServiceDir(context, flags);
  const options = loadOptions({ ...context, env: {} }, { ...flags, stateDir });
  if (flags.stateDir !== undefined) return (await loadConfig(options)).config;
  const { stateDir: _default, ...others } = options.flags; // no flag that was given: a setting goes before it
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

/** Whether the service runs a portd of another version, though it is installed as it should be. */
function isOutdated({ state }: ServiceStatus, { stateDir }: ServiceDefinition): boolean {
  const version = runningVersion(stateDir);
  return state === "running" && version !== undefined && version !== VERSION;
}

/** What is set here, and will not be where the service runs. */
function environmentWarnings({ env }: CliContext): string[] {
  const names = [...Object.keys(SETTINGS).map(environmentName), "PORTD_CONFIG"];
  return [...new Set(names)].filter((name) => env[name] !== undefined).map((name) =>
    `${name} is set here, and the service will not see it: give the setting as a flag, or write it into config.yaml`
  );
}

/** A daemon that has the address or the file which the service wants. */
async function rivalWarnings(context: CliContext, config: Config, service: ServiceStatus): Promise<string[]> {
  const hasPort = splitAddress(config.listen)?.port !== 0;
  const urls = candidates({ ...context, env: { PORTD_LISTEN: config.listen } }, config.stateDir);
  for (const url of hasPort ? urls : urls.slice(0, -1)) {
    const rival = await askDaemon(url);
    if (rival === undefined || (service.pid !== null && (rival.pid ?? service.pid) === service.pid)) continue;
    const who = rival.version === null ? "a portd" : `portd ${rival.version} (pid ${rival.pid})`;
    return [`${who} serves ${url}: the service will be refused while that one runs; stop it with: portd stop`];
  }
  return [];
}
