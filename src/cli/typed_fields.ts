/** Errors about fields of the API, in the words of the command line. Loaded where a request has been refused. */
import { formatDuration } from "../duration.ts";
import { PortdError } from "../errors.ts";

/** What is typed for each field of a request. */
const WORDS: Readonly<Record<string, string>> = {
  name: "NAME",
  project: "the project of NAME",
  port: "--port",
  prefer: "--prefer",
  range: "--range",
  protocols: "--udp or --both",
  count: "--count",
  block: "--block",
  ttlMs: "--ttl",
  pid: "--pid",
  lifetime: "--ttl, --pid or --pin",
  hold: "--hold",
  labels: "--label",
  label: "--label",
  waitMs: "--wait",
  "firewall.remote": "--remote",
  "firewall.profiles": "--profile",
  "firewall.direction": "--out",
};

/** How a refusal begins that names one field, or two that contradict each other. */
const HEAD = /^Cannot use "([^"]+)"(?: together with "([^"]+)")?/;
/** What is expected of a duration, and what was given. */
const MILLISECONDS = /a whole number of milliseconds from (\d+) to (\d+), got (\d+)/;

/** The same error; where it names a field that a flag or an argument gives, its message has that. */
export function inTypedWords({ code, message, data, cause }: PortdError): PortdError {
  const text = message
    .replace(HEAD, (whole, field: string, other?: string) => {
      const [word, otherWord] = [field, other].map((each) => each && wordFor(each));
      if (word === undefined || (other !== undefined && otherWord === undefined)) return whole;
      return `Cannot use ${word}${otherWord === undefined ? "" : ` together with ${otherWord}`}`;
    })
    .replace(MILLISECONDS, (_, least: string, most: string, given: string) => {
      const [from, to, got] = [least, most, given].map((ms) => formatDuration(Number(ms)));
      return `from ${from} to ${to}, got ${got}`;
    });
  return new PortdError(code, text, data, { cause });
}

/** `services[1].name` → `NAME`, `prefer[0]` → `--prefer`. */
function wordFor(field: string): string | undefined {
  const [first = "", second] = field.replace(/^services\[\d+\]\./, "").replaceAll(/\[\d+\]/g, "").split(".");
  return WORDS[`${first}.${second}`] ?? WORDS[first];
}
