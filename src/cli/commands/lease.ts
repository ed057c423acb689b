/** `portd lease`: its flags and help. src/cli/lease.ts does the work. */
import { HOLD_KINDS } from "../../hold/hold.ts";
import { command, COMMON_FLAGS, listFlag, parsedFlag, switchFlag, textFlag } from "../command.ts";
import { parseDuration } from "../duration.ts";
import { lease, type LeaseFlags } from "../lease.ts";
import { parseCount, parsePair, parsePort, parsePortRange, parseVariable } from "../parse.ts";

export default command<LeaseFlags, [name?: string]>({
  parameters: {
    flags: {
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
      hold: { kind: "enum", values: HOLD_KINDS, brief: "none: for servers without SO_REUSEADDR", optional: true },
      label: listFlag("k=v", "A label; may be given several times", { parse: parsePair }),
      wait: parsedFlag("30s", "Wait this long for a port when the pool is exhausted", parseDuration),
      env: parsedFlag("VAR", "Print VAR=port instead of the port", parseVariable),
      ...COMMON_FLAGS,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "NAME", brief: "The service, like web", optional: true }],
    },
  },
  docs: {
    fullDescription: `Leases a port and prints it; several are printed one a line. Asking again for the same name in the
same checkout gives the same port. Without --ttl, --pid or --pin a server must listen on the port within ten minutes;
the lease then lives as long as that server listens.`,
    customUsage: [
      `[NAME] [--port N] [--prefer N,N] [--range A-B] [--udp|--both] [--count N|--block N]
      [--ttl 30m|--pid PID|--pin] [--hold soft|none] [--label k=v]... [--wait 30s] [--env VAR] [--json]`,
      { input: "web", brief: "a port for web of this project: PORT=$(portd lease web) npm run dev" },
      { input: "web --prefer 5173,3000 --env PORT", brief: "one of these if it is free; prints PORT=5173" },
      { input: "--ttl 30m --count 3 --label job=1234", brief: "three ports for half an hour" },
      { input: "--block 10 --range 3000-3999", brief: "ten ports in a row from a range" },
      { input: "dns --both --port 5353 --pin", brief: "one port by its number, TCP and UDP, until it is released" },
    ],
  },
  run: lease,
});
