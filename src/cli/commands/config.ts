/** `portd config show|check`: the daemon's settings, and whether a configuration file is right. */
import { buildRouteMap } from "@stricli/core";
import { loadConfig, type LoadedConfig, SETTINGS } from "../../config.ts";
import { command, COMMON_FLAGS } from "../command.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { CONFIG_FLAGS, type ConfigFlags, loadOptions } from "../daemon/config_flags.ts";
import { neutralise, table, toJson } from "../terminal.ts";

type ShowFlags = CommonFlags & ConfigFlags;

const show = command<ShowFlags, []>({
  parameters: { flags: { ...CONFIG_FLAGS, ...COMMON_FLAGS } },
  docs: {
    brief: "Show the settings that a daemon would have, and where each comes from",
    fullDescription:
      `Shows every setting with its value and where that comes from: default, the file (with line and column), the
name of an environment variable, or flag. Flags go before the environment, the environment before the file.`,
    customUsage: ["[FLAGS]", { input: "--set cooldownMs=0", brief: "as portd serve --set cooldownMs=0 would have it" }],
  },
  async run(context, flags) {
    const loaded = await loadConfig(loadOptions(context, flags));
    const settings = Object.keys(SETTINGS).map((name) => ({
      name,
      value: valueOf(loaded, name),
      source: loaded.sources[name] ?? "default",
    }));
    const { stdout } = context.process;
    if (flags.json) {
      stdout.write(`${toJson({ settings, file: loaded.file, warnings: loaded.warnings })}\n`);
    } else {
      stdout.write(table(["SETTING", "VALUE", "FROM"], settings.map((s) => [s.name, textOf(s.value), s.source])));
      warn(context, loaded);
    }
  },
});

const check = command<CommonFlags, [file?: string]>({
  parameters: {
    flags: COMMON_FLAGS,
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "FILE", brief: "config.yaml of the state folder", optional: true }],
    },
  },
  docs: {
    brief: "Check a configuration file",
    fullDescription:
      "Checks a configuration file and the environment. A fault is told with its line and column; exit code 2.",
    customUsage: ["[FILE]"],
  },
  async run(context, flags, file) {
    const loaded = await loadConfig(loadOptions(context, { ...flags, ...(file !== undefined && { config: file }) }));
    const { file: path, warnings } = loaded;
    const { stdout } = context.process;
    if (flags.json) stdout.write(`${toJson({ file: path, warnings })}\n`);
    else stdout.write(`${path === null ? "no configuration file: defaults hold" : `${neutralise(path)}: ok`}\n`);
    if (!flags.json) warn(context, loaded);
  },
});

export default buildRouteMap({ routes: { show, check }, docs: { brief: "Show or check the configuration" } });

function valueOf({ config }: LoadedConfig, name: string): unknown {
  return name.split(".").reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], config);
}

/** A value as a flag would have it. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(",");
  if (typeof value !== "object" || value === null) return String(value);
  const { first, last } = value as { readonly first: number; readonly last: number };
  return first === last ? String(first) : `${first}-${last}`;
}

function warn({ process }: CliContext, { warnings }: LoadedConfig): void {
  for (const warning of warnings) process.stderr.write(`warning: ${neutralise(warning)}\n`);
}
