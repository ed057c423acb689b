/** Refusals of the daemon in the words of the command line. Loaded where there is one. */
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
  "gateway.externalPort": "--external",
};

/** How a refusal begins that names one field, or two that contradict each other. */
const HEAD = /^Cannot use "([^"]+)"(?: together with "([^"]+)")?/;
/** What is expected of a duration, and what was given. */
const MILLISECONDS = /a whole number of milliseconds from (\d+) to (\d+), got (\d+)/;

/** The same error; its message has the flag or the argument instead of the field, and what to do where no port is free. */
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
  return new PortdError(code, `${text}${nextStep(code, data)}`, data, { cause });
}

/** What gives a port where none of a pool or a range is free; waiting is useless where the daemon does not say when. */
function nextStep(code: string, { ports, retryAfter }: PortdError["data"]): string {
  if (code !== "pool_exhausted" || ports === undefined) return "";
  const range = "name a larger range with portd lease --range";
  if (retryAfter === undefined) return `; ${range}`;
  return `; wait for one with portd lease --wait 30s, ${range}, or release a lease that is not needed (portd ls)`;
}

/** `services[1].name` → `NAME`, `prefer[0]` → `--prefer`. */
function wordFor(field: string): string | undefined {
  const [first = "", second] = field.replace(/^services\[\d+\]\./, "").replaceAll(/\[\d+\]/g, "").split(".");
  return WORDS[`${first}.${second}`] ?? WORDS[first];
}
