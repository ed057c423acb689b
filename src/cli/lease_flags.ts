/** The flags of `portd lease`. Its work in lease.ts has only their types: without flags it does not load this file. */
import { HOLD_KINDS } from "../hold/hold.ts";
import { choiceFlag, COMMON_FLAGS, type FlagsOf, listFlag, parsedFlag, switchFlag, textFlag } from "./command.ts";
import { parseDuration } from "../duration.ts";
import { parseCount, parsePair, parsePort, parsePortRange, parseVariable } from "./parse.ts";

/** The definitions. */
export const LEASE_FLAGS = {
  name: textFlag("PROJECT/NAME", "The full name, without the project of this folder"),
  port: parsedFlag("N", "This port and no other; 0 is any", (text) => parsePort(text, 0)),
  prefer: listFlag("N,N", "Ports to try before the pool", { parse: (text) => parsePort(text), separator: "," }),
  range: parsedFlag("A-B", "Only from this range", parsePortRange),
  udp: switchFlag("UDP instead of TCP"),
  both: switchFlag("TCP and UDP on the same port"),
  count: parsedFlag("N", "This many ports", parseCount),
  block: parsedFlag("N", "This many ports in a row", parseCount),
  ttl: parsedFlag("30m", "Ends after this time unless it is renewed", parseDuration),
  pid: parsedFlag("PID", "Ends with this process", parseCount),
  pin: switchFlag("Ends only when it is released"),
  hold: choiceFlag(HOLD_KINDS, "none: for servers without SO_REUSEADDR"),
  label: listFlag("k=v", "A label; may be given several times", { parse: parsePair }),
  wait: parsedFlag("30s", "Wait this long for a port when the pool is exhausted", parseDuration),
  env: parsedFlag("VAR", "Print VAR=port instead of the port", parseVariable),
  ...COMMON_FLAGS,
};

/** The flags as they were given. Durations are in milliseconds. */
export type LeaseFlags = FlagsOf<typeof LEASE_FLAGS>;
