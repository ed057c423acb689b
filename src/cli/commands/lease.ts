/** `portd lease`: one grant, and the port alone on stdout. */
import type { HoldKind, Lease, PortRange, Protocol } from "../../lease/lease.ts";
import type { LeaseRequest, LifetimeRequest } from "../../lease/request.ts";
import { findProject, type Project } from "../../project.ts";
import { command, COMMON_FLAGS, type CommonFlags, listFlag, parsedFlag, switchFlag, textFlag } from "../command.ts";
import { parseDuration } from "../duration.ts";
import { UsageError } from "../exit.ts";
import { findDaemon } from "../find_daemon.ts";
import { grantFor, holderOf, nameIn, splitName } from "../naming.ts";
import { parseCount, parsePair, parsePort, parsePortRange, parseVariable } from "../parse.ts";
import { toJson } from "../terminal.ts";

type LeaseFlags = CommonFlags & {
  readonly name?: string;
  readonly port?: number;
  readonly prefer?: readonly number[];
  readonly range?: PortRange;
  readonly udp?: boolean;
  readonly both?: boolean;
  readonly count?: number;
  readonly block?: number;
  readonly ttl?: number;
  readonly pid?: number;
  readonly pin?: boolean;
  readonly hold?: HoldKind;
  readonly label?: readonly (readonly [string, string])[];
  readonly wait?: number;
  readonly env?: string;
};

export default command<LeaseFlags, [name?: string]>({
  parameters: {
    flags: {
      name: textFlag("PROJECT/NAME", "Name as it stands, without the project of this folder"),
      port: parsedFlag("N", "This port and no other; 0 is any", (text) => parsePort(text, 0)),
      prefer: listFlag("N,N", "Ports to be tried before the pool", {
        parse: (text) => parsePort(text),
        separator: ",",
      }),
      range: parsedFlag("A-B", "Only from this range", parsePortRange),
      udp: switchFlag("UDP in the place of TCP"),
      both: switchFlag("TCP and UDP on one number"),
      count: parsedFlag("N", "So many single ports", parseCount),
      block: parsedFlag("N", "So many contiguous ports", parseCount),
      ttl: parsedFlag("30m", "Ends after this time unless it is renewed", parseDuration),
      pid: parsedFlag("PID", "Ends with this process", parseCount),
      pin: switchFlag("Ends only when it is released"),
      hold: { kind: "enum", values: ["soft", "none"], brief: "none: for servers without SO_REUSEADDR", optional: true },
      label: listFlag("k=v", "Label, also several", { parse: parsePair }),
      wait: parsedFlag("30s", "Wait in line this long when the pool is exhausted", parseDuration),
      env: parsedFlag("VAR", "Print VAR=port in the place of the port", parseVariable),
      ...COMMON_FLAGS,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "NAME", brief: "The service, like web", optional: true }],
    },
  },
  docs: {
    brief: "Lease a port and print it",
    fullDescription: `Leases a port and prints it, one port a line. Asking again for the same name of the same checkout
gives the same port. Without --ttl, --pid or --pin the lease must be taken up by a listening server within ten
minutes, and then lives as long as that server listens.`,
    customUsage: [
      `[NAME] [--port N] [--prefer N,N] [--range A-B] [--udp|--both] [--count N|--block N]
      [--ttl 30m|--pid PID|--pin] [--hold soft|none] [--label k=v]... [--wait 30s] [--env VAR] [--json]`,
      { input: "web", brief: "a port for web of this project: PORT=$(portd lease web) npm run dev" },
      { input: "web --prefer 5173,3000 --env PORT", brief: "one of these if it is free; prints PORT=5173" },
      { input: "--ttl 30m --count 3 --label job=1234", brief: "three ports for half an hour" },
      { input: "--block 10 --range 3000-3999", brief: "ten contiguous ports of a range" },
      { input: "dns --both --port 5353 --pin", brief: "one port by its number, TCP and UDP, for good" },
    ],
  },
  async run(context, flags, name) {
    const project = findProject(context.cwd);
    const request = requestOf(flags, name, project);
    const client = await findDaemon(context, flags);
    context.process.stdout.write(format(await grantFor(client, request, project), flags));
  },
});

function requestOf(flags: LeaseFlags, name: string | undefined, project: Project): LeaseRequest {
  if (name !== undefined && flags.name !== undefined) {
    throw new UsageError("Cannot use NAME together with --name: both name the lease");
  }
  const named = flags.name !== undefined ? splitName(flags.name) : name !== undefined ? nameIn(project, name) : {};
  const { port, prefer, range, count, block, ttl, pid, hold, label, wait } = flags;
  const lifetime = lifetimeOf(flags);
  return {
    ...named,
    protocols: protocolsOf(flags),
    holder: { ...holderOf(project), cwd: project.root },
    ...(port !== undefined && { port }),
    ...(prefer !== undefined && { prefer }),
    ...(range !== undefined && { range }),
    ...(count !== undefined && { count }),
    ...(block !== undefined && { block }),
    ...(lifetime !== undefined && { lifetime }),
    ...(ttl !== undefined && { ttlMs: ttl }),
    ...(pid !== undefined && { pid }),
    ...(hold !== undefined && { hold }),
    ...(label !== undefined && { labels: Object.fromEntries(label) }),
    ...(wait !== undefined && { waitMs: wait }),
  };
}

function lifetimeOf({ ttl, pid, pin }: LeaseFlags): LifetimeRequest | undefined {
  if ([ttl !== undefined, pid !== undefined, pin === true].filter(Boolean).length > 1) {
    throw new UsageError("Cannot use more than one of --ttl, --pid and --pin: each says how long the lease lives");
  }
  return pid !== undefined ? { kind: "process" } : pin ? { kind: "pinned" } : undefined;
}

function protocolsOf({ udp, both }: LeaseFlags): readonly Protocol[] {
  return both ? ["tcp", "udp"] : udp ? ["udp"] : ["tcp"];
}

function format(leases: readonly Lease[], { json, env, count, block }: LeaseFlags): string {
  const isSeveral = count !== undefined || block !== undefined;
  if (json) return `${toJson(isSeveral ? { leases } : leases[0])}\n`;
  if (env === undefined) return leases.map(({ port }) => `${port}\n`).join("");
  return leases.map(({ port }, i) => `${env}${isSeveral ? `_${i + 1}` : ""}=${port}\n`).join("");
}
