/** Every setting: its name, its default and how its text is read. config.ts has the fields with their meaning. */
import { isStreamAddress, STREAM_ADDRESS_EXPECTED } from "./compat/address.ts";
import { formatDuration, readDuration } from "./duration.ts";
import { describeChoices } from "./errors.ts";
import { GATEWAY_PROTOCOLS } from "./gateway/gateway.ts";
import { DEFAULT_STUN_SERVERS, readStunServers, STUN_SERVERS_EXPECTED } from "./line/stun/server.ts";
import { LOG_FORMATS, LOG_LEVELS } from "./log_line.ts";
import { type PortRange, readPort, readPortOrRange } from "./port/port.ts";
import { isAbsolute } from "./process/folder.ts";

/** A setting: its default as text, what it expects in words, and how its text is read. */
export interface Setting {
  readonly default: string;
  readonly expected: string;
  /** @returns `undefined` when the text does not work. */
  readonly parse: (text: string) => unknown;
}

const DAY_MS = 86_400_000;

/** A setting in milliseconds. Its text is a duration like `1m`, or a number alone, which is milliseconds. */
function duration(defaultMs: number, least = 0, most = 365 * DAY_MS): Setting {
  const [from, to] = [least, most].map(formatDuration);
  return {
    default: String(defaultMs),
    expected: `a duration from ${from} to ${to}, like "1m" or 60000 (milliseconds)`,
    parse(text) {
      const ms = /^\d+$/.test(text) ? Number(text) : readDuration(text);
      return ms !== undefined && ms >= least && ms <= most ? ms : undefined;
    },
  };
}

function choice(defaultText: string, texts: readonly string[]): Setting {
  return {
    default: defaultText,
    expected: describeChoices(texts),
    parse: (text) => texts.includes(text) ? text : undefined,
  };
}

const RANGES_EXPECTED = 'ranges of ports from 1 to 65535, like "20000-29999" or "20000-20999,22000-22999"';

/** Every setting by its dotted name, in the order in which `portd config show` lists them. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  listen: { default: "127.0.0.1:7678", expected: 'an address like "127.0.0.1:7678"', parse: parseAddress },
  stateDir: { default: "", expected: "an absolute folder", parse: (text) => isAbsolute(text) ? text : undefined },
  pool: {
    default: "20000-29999",
    expected: RANGES_EXPECTED,
    parse: (text) => text === "" ? undefined : parseRanges(text),
  },
  exclude: { default: "", expected: RANGES_EXPECTED, parse: parseRanges },
  cooldownMs: duration(60_000),
  claimMs: duration(600_000, 1000),
  graceMs: duration(300_000),
  processGraceMs: duration(10_000),
  watchMs: duration(1000, 50, 60_000),
  historyDays: {
    default: "30",
    expected: "a whole number of days from 0 to 3650",
    parse: (text) => wholeNumber(text, 0, 3650),
  },
  maxLeasesPerUser: {
    default: "1000",
    expected: "a whole number of leases from 0 to 65535",
    parse: (text) => wholeNumber(text, 0, 65535),
  },
  "auth.anonymous": choice("lease", ["lease", "none"]),
  "log.level": choice("info", LOG_LEVELS),
  "log.format": choice("text", LOG_FORMATS),
  "firewall.backend": choice("auto", ["auto", "windows", "nftables", "ufw", "firewalld", "none"]),
  "firewall.drift": choice("restore", ["restore", "report"]),
  "firewall.syncMs": duration(60_000, 1000),
  "gateway.protocol": choice("auto", ["auto", ...GATEWAY_PROTOCOLS, "none"]),
  "gateway.lifetimeMs": duration(3_600_000, 1000, 7 * DAY_MS),
  "gateway.shortestLifetimeMs": duration(120_000, 1000, 3_600_000),
  stun: { default: DEFAULT_STUN_SERVERS, expected: STUN_SERVERS_EXPECTED, parse: readStunServers },
  "compat.portserver": {
    default: "",
    expected: STREAM_ADDRESS_EXPECTED,
    parse: (text) => text === "" || isStreamAddress(text) ? text : undefined,
  },
  "compat.grpc": { default: "", expected: 'an address like "127.0.0.1:32766"', parse: parseLoopbackAddress },
  "compat.grpcQuit": choice("ignore", ["ignore", "stop"]),
};

/**
 * The defaults in WSL that are not those of {@linkcode SETTINGS}. A portd there and one on Windows do not see each other's
 * leases, so they have different ports; and as Windows forwards its 127.0.0.1 to WSL, or shares it, different addresses.
 */
export const WSL_DEFAULTS: Readonly<Record<string, string>> = { listen: "127.0.0.1:7688", pool: "10000-19999" };

function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}

function parseRanges(text: string): PortRange[] | undefined {
  if (text === "") return [];
  const ranges = text.split(",").map((part) => readPortOrRange(part.trim()));
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}

/** Splits `host:port`. @returns `undefined` when the text is no such address. */
export function splitAddress(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d+)$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = readPort(digits ?? "", 0);
  return host !== undefined && port !== undefined ? { host, port } : undefined;
}

/** Empty is none. */
function parseLoopbackAddress(text: string): string | undefined {
  const host = splitAddress(text)?.host;
  return text === "" || host === "localhost" || host === "127.0.0.1" || host === "::1" ? text : undefined;
}

function parseAddress(text: string): string | undefined {
  return splitAddress(text) === undefined ? undefined : text;
}
