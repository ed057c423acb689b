/**
 * The configuration: one {@linkcode Config}, every field with its unit and default. Flags go before the environment,
 * the environment before `config.yaml`, and the file before the defaults.
 */
import { PortdError, reasonOf } from "./errors.ts";
import type { FirewallBackendName } from "./firewall/backend.ts";
import type { GatewayProtocol } from "./gateway/gateway.ts";
import type { LogFormat, LogLevel } from "./log_line.ts";
import type { StunServer } from "./line/stun/server.ts";
import type { PortRange } from "./port/port.ts";
import { SETTINGS, WSL_DEFAULTS } from "./settings.ts";
import { readTrustedFile } from "./state/own_file.ts";
import { closest } from "./suggest.ts";
import type { YamlEntry } from "./yaml_document.ts";

/** Every setting. */
export interface Config {
  /** `host:port` of the HTTP API; port 0 takes any free port. @default "127.0.0.1:7678" */
  readonly listen: string;
  /** Folder of `leases.db`, `admin.token` and `daemon.json`. */
  readonly stateDir: string;
  /** The ports that are granted dynamically. @default [{ first: 20000, last: 29999 }] */
  readonly pool: readonly PortRange[];
  /** Ports that are never granted. @default [] */
  readonly exclude: readonly PortRange[];
  /** How long dynamic grants avoid a freed port, in milliseconds. @default 60000 */
  readonly cooldownMs: number;
  /** How long a `listener` lease may stay unclaimed, in milliseconds. @default 600000 */
  readonly claimMs: number;
  /** How long a `listener` lease outlives its listener, in milliseconds. @default 300000 */
  readonly graceMs: number;
  /** How long a `process` lease outlives its process, in milliseconds. @default 10000 */
  readonly processGraceMs: number;
  /** How often leased ports and holders are checked, in milliseconds. @default 1000 */
  readonly watchMs: number;
  /** How long ended leases stay in the history, in days. @default 30 */
  readonly historyDays: number;
  /** How many live leases a user may have who is not the daemon's user or root, and has no token. @default 1000 */
  readonly maxLeasesPerUser: number;
  readonly auth: {
    /** What a loopback caller may do without a token: `lease`, or `none`. @default "lease" */
    readonly anonymous: "lease" | "none";
  };
  readonly log: {
    /** Lines that are less grave are not written; with `debug` there is one for each request. @default "info" */
    readonly level: LogLevel;
    /** How lines look: text, or one JSON document a line. @default "text" */
    readonly format: LogFormat;
  };
  readonly firewall: {
    /** The firewall in which rules are set: the one that governs this host, one by name, or none. @default "auto" */
    readonly backend: FirewallBackendName | "auto";
    /** What happens to a rule that was changed or deleted by hand. @default "restore" */
    readonly drift: "restore" | "report";
    /** How often the rules are checked, in milliseconds. @default 60000 */
    readonly syncMs: number;
  };
  readonly compat: {
    /** Where the portserver protocol is spoken: a path, `@name` or a named pipe; empty for nowhere. @default "" */
    readonly portserver: string;
    /** Where the protocol of gRPC's port_server is spoken: `host:port` on loopback; empty for nowhere. @default "" */
    readonly grpc: string;
    /** Whether `/quitquitquit` of that protocol stops the daemon. @default "ignore" */
    readonly grpcQuit: "ignore" | "stop";
  };
  readonly gateway: {
    /** In which protocol routers are spoken to: what they answer first, one by name, or none. @default "auto" */
    readonly protocol: GatewayProtocol | "auto" | "none";
    /** For how long a mapping is asked for where the request does not say, in milliseconds. @default 3600000 */
    readonly lifetimeMs: number;
    /** The shortest time that a request may ask for, in milliseconds. @default 120000 */
    readonly shortestLifetimeMs: number;
  };
  /** The STUN servers that are asked about the line when a user asks for that. @default three public ones */
  readonly stun: readonly StunServer[];
}

/** A configuration, and where each setting comes from. */
export interface LoadedConfig {
  readonly config: Config;
  /** Setting → `default`, `default in WSL`, `flag`, the name of an environment variable, or `file:line:column`. */
  readonly sources: Readonly<Record<string, string>>;
  /** The configuration file that was read; null when there is none. */
  readonly file: string | null;
  /** What looks wrong but does no harm, one sentence each. */
  readonly warnings: readonly string[];
}

/** Options of {@linkcode loadConfig}. */
export interface LoadConfigOptions {
  /** Settings by name, as text: `{ "auth.anonymous": "none" }`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** The configuration file, which must exist. @default `config.yaml` of the state folder, where there is one */
  readonly file?: string;
  /** Called where this user may not read the file, which then counts as not there. @default such a file is an error */
  readonly onUnreadable?: (path: string) => void;
  /** Whether the defaults are {@linkcode WSL_DEFAULTS}. @default false */
  readonly isWsl?: boolean;
}

/** Environment names that are not settings: they are for the client, or say where the configuration is. */
const CLIENT_ENV = ["PORTD_SCOPE", "PORTD_URL", "PORTD_TOKEN", "PORTD_AUTOSTART", "PORTD_CONFIG", "PORTD_STATE_DIR"];

/** The environment variable of a setting: `cooldownMs` → `PORTD_COOLDOWN_MS`, `auth.anonymous` → `PORTD_AUTH_ANONYMOUS`. */
export function environmentName(setting: string): string {
  return `PORTD_${setting.replaceAll(".", "_").replaceAll(/([a-z])([A-Z])/g, "$1_$2").toUpperCase()}`;
}

/**
 * Reads the configuration from all its sources.
 *
 * @param stateDir is the default state folder of this system and user.
 * @throws {PortdError} `invalid_request`, naming the setting, its source, its value and what would work.
 */
export async function loadConfig(options: LoadConfigOptions & { readonly stateDir: string }): Promise<LoadedConfig> {
  const { flags, env, stateDir, isWsl = false } = options;
  const values = new Map<string, unknown>([["stateDir", stateDir]]);
  const sources: Record<string, string> = {};
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const inWsl = isWsl ? WSL_DEFAULTS[name] : undefined;
    if (name !== "stateDir") values.set(name, setting.parse(inWsl ?? setting.default));
    sources[name] = inWsl === undefined ? "default" : "default in WSL";
  }
  const set = (name: string, text: string, source: string) => {
    values.set(name, parseSetting(name, text, source));
    sources[name] = source;
  };
  const stateDirText = flags.stateDir ?? env.PORTD_STATE_DIR;
  const file = await readConfigFile(options, stateDirText ?? stateDir);
  for (const [name, text, where] of file.settings) set(name, text, where);
  for (const name of Object.keys(SETTINGS)) {
    const variable = environmentName(name);
    if (env[variable] !== undefined) set(name, env[variable], variable);
  }
  for (const [name, text] of Object.entries(flags)) set(name, text, "flag");
  return { config: assemble(values), sources, file: file.path, warnings: unknownEnvironment(env) };
}

function assemble(values: ReadonlyMap<string, unknown>): Config {
  const config: Record<string, unknown> = {};
  for (const [name, value] of values) {
    const [section, field] = name.split(".") as [string, string?];
    if (field === undefined) config[section] = value;
    else config[section] = { ...config[section] as object | undefined, [field]: value };
  }
  return config as unknown as Config;
}

function parseSetting(name: string, text: string, source: string): unknown {
  const setting = SETTINGS[name];
  if (setting === undefined) throw unknownSetting(name, source);
  const value = setting.parse(text.trim());
  if (value !== undefined) return value;
  throw new PortdError(
    "invalid_request",
    `Cannot use "${name}" (${source}): must be ${setting.expected}, got ${JSON.stringify(text)}`,
    { field: name, value: text, expected: setting.expected, where: source },
  );
}

function unknownSetting(name: string, source: string): PortdError {
  const near = closest(name, Object.keys(SETTINGS));
  const hint = near === undefined ? `known are ${Object.keys(SETTINGS).join(", ")}` : `did you mean "${near}"?`;
  return new PortdError("invalid_request", `Cannot use "${name}" (${source}): there is no such setting; ${hint}`, {
    field: name,
    where: source,
    ...(near === undefined ? {} : { expected: near }),
  });
}

interface ConfigFile {
  readonly path: string | null;
  /** The name, text and `file:line:column` of every setting in it. */
  readonly settings: readonly (readonly [string, string, string])[];
}

async function readConfigFile(options: LoadConfigOptions, stateDir: string): Promise<ConfigFile> {
  const named = options.file ?? options.env.PORTD_CONFIG;
  const path = named ?? `${stateDir}/config.yaml`;
  let text: string;
  try {
    text = readTrustedFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && named === undefined) return { path: null, settings: [] };
    if (error instanceof Deno.errors.PermissionDenied && options.onUnreadable !== undefined) {
      options.onUnreadable(path);
      return { path: null, settings: [] };
    }
    throw new PortdError("invalid_request", `Cannot read the configuration ${path}: ${reasonOf(error)}`, {}, {
      cause: error,
    });
  }
  const { parseYamlMap } = await import("./yaml_document.ts");
  return { path, settings: parseYamlMap(text, path).flatMap((entry) => settingsOf(entry, "")) };
}

function settingsOf(entry: YamlEntry, prefix: string): (readonly [string, string, string])[] {
  const name = prefix + entry.key;
  const isSection = Object.keys(SETTINGS).some((known) => known.startsWith(`${name}.`));
  if (isSection && entry.entries !== undefined) return entry.entries.flatMap((below) => settingsOf(below, `${name}.`));
  if (SETTINGS[name] === undefined) throw unknownSetting(name, entry.keyWhere);
  return [[name, textOf(entry.value), entry.where]];
}

/** A value of YAML as the text of a flag: also a list, and a map like `{first, last}`. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(",");
  if (typeof value === "object" && value !== null && "first" in value && "last" in value) {
    return `${value.first}-${value.last}`;
  }
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}

function unknownEnvironment(env: Readonly<Record<string, string>>): string[] {
  const known = [...Object.keys(SETTINGS).map(environmentName), ...CLIENT_ENV];
  return Object.keys(env).filter((name) => name.startsWith("PORTD_") && !known.includes(name)).map((name) => {
    const near = closest(name, known);
    return `${name} is no setting of portd${near === undefined ? "" : `; did you mean ${near}?`}`;
  });
}
