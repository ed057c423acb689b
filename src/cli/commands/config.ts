/** `portd config show|check`: the settings with which a daemon would start, and whether a configuration file is valid. */
import { buildRouteMap } from "@stricli/core";
import { loadConfig, type LoadedConfig } from "../../config.ts";
import { type StunServer, stunServerText } from "../../line/stun/server.ts";
import { SETTINGS } from "../../settings.ts";
import { type PortRange, rangeText } from "../../port/port.ts";
import type { Having } from "../answer.ts";
import { argument, COMMON_FLAGS, defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { CONFIG_FLAGS, loadOptions } from "../daemon/config_flags.ts";
import { shortenStart, writeTable } from "../table.ts";
import { writeJson, writeLine } from "../terminal.ts";

const SHOW_FIELDS = ["settings", "file", "warnings"] as const;
const CHECK_FIELDS = ["file", "warnings"] as const;

const show = defineCommand({
  answer: { fields: SHOW_FIELDS },
  flags: { ...CONFIG_FLAGS, ...COMMON_FLAGS },
  brief: "Show the settings with which a daemon would start, and the source of each",
  help:
    `Shows every setting with its value and the source of the value: "default", the file with line and column, the name
of an environment variable, or "flag". A flag overrides the environment, and the environment overrides the file.`,
  usage: ["[FLAGS]", { input: "--set cooldownMs=0", brief: "what portd serve --set cooldownMs=0 would use" }],
  async run(context, flags) {
    const loaded = await loadConfig(await loadOptions(context, flags));
    const settings = Object.keys(SETTINGS).map((name) => ({
      name,
      value: valueOf(loaded, name),
      source: loaded.sources[name] ?? "default",
    }));
    const { stdout } = context.process;
    const { file, warnings } = loaded;
    if (flags.json) return writeJson(stdout, { settings, file, warnings } satisfies Having<typeof SHOW_FIELDS>);
    const head = ["SETTING", { title: "VALUE", least: 12 }, { title: "FROM", least: 12, cut: shortenStart }];
    writeTable(stdout, head, settings.map(({ name, value, source }) => [name, textOf(value), source]));
    warn(context, loaded);
  },
});

const check = defineCommand({
  answer: { fields: CHECK_FIELDS },
  args: [{ ...argument("FILE", "The file (default: config.yaml in the state folder)"), optional: true }],
  brief: "Check a configuration file",
  help: `Checks a configuration file and the environment variables of portd. For an error the message says its line and
column, and the exit code is 2.`,
  usage: ["[FILE]"],
  async run(context, flags, file) {
    const named = { ...flags, ...(file !== undefined && { config: file }) };
    const loaded = await loadConfig(await loadOptions(context, named));
    const { file: path, warnings } = loaded;
    const { stdout } = context.process;
    if (flags.json) return writeJson(stdout, { file: path, warnings } satisfies Having<typeof CHECK_FIELDS>);
    writeLine(stdout, path === null ? "no configuration file, so no setting comes from one" : `${path}: ok`);
    warn(context, loaded);
  },
});

export default buildRouteMap({ routes: { show, check }, docs: { brief: "Show or check the configuration" } });

function valueOf({ config }: LoadedConfig, name: string): unknown {
  return name.split(".").reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], config);
}

/** A value as it is written after --set. The only settings that are objects are port ranges and STUN servers. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(",");
  if (typeof value !== "object" || value === null) return String(value);
  if ("host" in value) return stunServerText(value as StunServer);
  return rangeText(value as PortRange);
}

function warn({ process }: CliContext, { warnings }: LoadedConfig): void {
  for (const warning of warnings) writeLine(process.stderr, `warning: ${warning}`);
}
