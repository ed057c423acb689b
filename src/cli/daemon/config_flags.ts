/** Flags that set the daemon's configuration, for `serve`, `service` and `config`. */
import type { LoadConfigOptions } from "../../config.ts";
import { resolvePath } from "../../project/project.ts";
import { type FlagsOf, listFlag, textFlag } from "../command.ts";
import { type CliContext, type CommonFlags, given } from "../context.ts";
import { parsePair } from "../parse.ts";
import { stateDirOf } from "./places.ts";

/** The definitions. */
export const CONFIG_FLAGS = {
  listen: textFlag("HOST:PORT", "Address of the API (127.0.0.1:7678)"),
  pool: textFlag("A-B,...", "Ports that are granted dynamically (20000-29999)"),
  config: textFlag("FILE", "Configuration file (config.yaml of the state folder)"),
  logLevel: textFlag("LEVEL", "What is logged: error, warning, info (default), or debug for every request"),
  logFormat: textFlag("FORMAT", "How it is logged: text (default), or json for one document a line"),
  set: listFlag("key=value", "Any setting; may be given several times", { parse: parsePair }),
} as const;

/** The flags as they were given. */
export type ConfigFlags = FlagsOf<typeof CONFIG_FLAGS>;

/** Options of `loadConfig`. Paths are made absolute here, where the current folder is known. */
export async function loadOptions(
  context: CliContext,
  flags: CommonFlags & ConfigFlags,
): Promise<LoadConfigOptions & { readonly stateDir: string }> {
  const { env, cwd } = context;
  const { listen, pool, config, logLevel, logFormat, set = [], stateDir } = flags;
  const { PORTD_STATE_DIR: stateDirVariable, ...otherEnv } = env;
  return {
    flags: {
      ...Object.fromEntries(set),
      ...given({
        listen,
        pool,
        "log.level": logLevel,
        "log.format": logFormat,
        stateDir: stateDir && resolvePath(cwd, stateDir),
      }),
    },
    env: { ...otherEnv, ...(stateDirVariable && { PORTD_STATE_DIR: resolvePath(cwd, stateDirVariable) }) },
    ...(config !== undefined && { file: resolvePath(cwd, config) }),
    stateDir: stateDirOf(context, flags),
    isWsl: await context.wsl() !== undefined,
  };
}

/** The flags as arguments of another `portd serve`. */
export function configWords(flags: ConfigFlags, cwd: string): string[] {
  const { listen, pool, config, logLevel, logFormat, set = [] } = flags;
  const once = given({
    listen,
    pool,
    config: config === undefined ? undefined : resolvePath(cwd, config),
    "log-level": logLevel,
    "log-format": logFormat,
  });
  const words = Object.entries(once).flatMap(([name, value]) => [`--${name}`, value]);
  return [...words, ...set.flatMap(([key, value]) => ["--set", `${key}=${value}`])];
}
