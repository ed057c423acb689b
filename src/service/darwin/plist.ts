/** The property list of a launchd job, launchd.plist(5): writing it, and reading back what portd has written. Pure. */
import { SERVICE_NAME, type ServiceDefinition } from "../service.ts";

/** A value in a property list; numbers are whole. */
export type PlistValue = string | number | boolean | PlistValue[] | { readonly [key: string]: PlistValue };

/** launchd waits this long between two starts, in seconds: the shortest time that its manual promises. */
const THROTTLE_S = 10;
/** From SIGTERM to SIGKILL, in seconds; portd takes at most five. */
const EXIT_TIME_OUT_S = 10;
/** The default of 256 is too low for a few hundred connections. */
const OPEN_FILES = 8192;
/** 077: other users may open nothing that portd makes. */
const UMASK = 0o077;

/**
 * The property list that makes launchd run `portd service run`, as a daemon and as an agent alike.
 *
 * @param denoDir is the folder of Deno's modules; it counts only where Deno runs portd's sources.
 */
export function jobText({ self, words }: ServiceDefinition, denoDir: string | undefined): string {
  return plistText({
    Label: SERVICE_NAME,
    ProgramArguments: [...self, "service", "run", ...words],
    RunAtLoad: true,
    // Started again after a failure only: `portd stop` must not be undone.
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: THROTTLE_S,
    ExitTimeOut: EXIT_TIME_OUT_S,
    ProcessType: "Interactive", // somebody waits for each answer: no throttling of processor and disk
    WorkingDirectory: "/",
    Umask: UMASK,
    SoftResourceLimits: { NumberOfFiles: OPEN_FILES },
    ...(self.length > 1 && denoDir !== undefined && { EnvironmentVariables: { DENO_DIR: denoDir } }),
  });
}

/** A value as an XML property list. @throws {Error} when a text has a character that XML does not have. */
export function plistText(value: PlistValue): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${elementLines(value).join("\n")}
</plist>
`;
}

function elementLines(value: PlistValue): string[] {
  if (typeof value === "string") return [`<string>${escape(value)}</string>`];
  if (typeof value === "number") return [`<integer>${value}</integer>`];
  if (typeof value === "boolean") return [value ? "<true/>" : "<false/>"];
  if (Array.isArray(value)) return block("array", value.flatMap(elementLines));
  const entries = Object.entries(value);
  return block("dict", entries.flatMap(([key, of]) => [`<key>${escape(key)}</key>`, ...elementLines(of)]));
}

function block(name: string, lines: readonly string[]): string[] {
  return [`<${name}>`, ...lines.map((line) => `\t${line}`), `</${name}>`];
}

function escape(text: string): string {
  // deno-lint-ignore no-control-regex -- XML 1.0 cannot write these, and its parsers change line ends
  if (/[\x00-\x1f\ud800-\udfff\ufffe\uffff]/u.test(text)) {
    throw new Error(`Cannot write a property list: ${JSON.stringify(text)} has a character that XML does not have`);
  }
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The `ProgramArguments` of a job in XML; `undefined` when there are none, or it is no text of XML. */
export function readArguments(plist: string): string[] | undefined {
  const [, array] = /<key>ProgramArguments<\/key>\s*<array>([^]*?)<\/array>/.exec(plist) ?? [];
  if (array === undefined) return undefined;
  return [...array.matchAll(/<string>([^<]*)<\/string>/g)].map(([, text]) => unescape(text!));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (_, hex, digits, name) => {
    if (name !== undefined) return ENTITIES[name]!;
    return String.fromCodePoint(hex === undefined ? Number(digits) : parseInt(hex, 16));
  });
}
