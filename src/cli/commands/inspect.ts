/** `portd inspect`: everything about one port. */
import type { Lease, PortdClient, PortDescription, PortSocket, Verdict } from "../../client/client.ts";
import type { Mapping } from "../../client/wire.ts";
import { endingOf } from "../../lease/ending.ts";
import { shortCommand } from "../../process/command_line.ts";
import { fieldsOf } from "../answer.ts";
import { defineCommand, NAME_OR_PORT } from "../command.ts";
import { askOrLook } from "../daemon/without.ts";
import { findStraysOf } from "../doctor/listeners.ts";
import { findStrays, isWaiting, type Stray, strayText } from "../doctor/servers.ts";
import { findLease, parseNameOrPort } from "../naming.ts";
import { grantedText } from "../open/mapping_text.ts";
import { addressText, type Style, writeBehind, writeJson, writeStyled } from "../terminal.ts";

/** Up to this many connections are listed one by one; of more, the number in each state. */
const MOST_LISTED_CONNECTIONS = 3;

const FIELDS = fieldsOf<PortDescription>({
  port: true,
  class: true,
  verdict: true,
  sentence: true,
  advice: true,
  services: true,
  developmentUse: true,
  privileged: true,
  pooled: true,
  quarantined: true,
  ephemeral: true,
  reserved: true,
  exclusions: true,
  leases: true,
  rules: true,
  listeners: true,
  connections: true,
});

export default defineCommand({
  answer: { fields: FIELDS },
  args: [NAME_OR_PORT],
  help:
    `Shows the state of a port (free, leased, listening, excluded, bound by a socket that does not listen, or in conflict:
another process than the lease's holder listens), who has leased it, which process listens on it, which services usually
have this number, and advice. With the name of a lease it shows the port of that lease. Where there is no daemon, this
command looks itself, and no lease is known.`,
  usage: [
    "NAME|PORT [--json]",
    { input: "3000", brief: "what uses port 3000" },
    { input: "web", brief: "what uses the port of the lease web of this project" },
    { input: "20417 --json", brief: "as JSON, the same as the answer of GET /v1/ports/20417" },
  ],
  async run(context, flags, text) {
    const target = parseNameOrPort(text, 0);
    using found = await askOrLook(context, flags, (source, client) => {
      if ("port" in target) return source.describePort(target.port);
      return client && findLease(client, target, context.cwd).then(({ port }) => client.describePort(port));
    });
    const { answer: description, isLocal, source } = found;
    const { stdout } = context.process;
    if (flags.json) return writeJson(stdout, { ...(isLocal && { daemon: null }), ...description });
    const { sentence, verdict } = description;
    writeStyled(stdout, sentence, STYLES[verdict]);
    const strays = isLocal ? [] : await straysOf(source as PortdClient, description);
    const holders = [...description.leases, ...strays.flatMap(({ leases }) => leases)].map(({ holder }) => holder);
    const shown = { ...description, advice: adviceOf(description, strays) };
    const mappings = isLocal ? [] : await mappingsOf(source as PortdClient, description);
    for (const [label, text] of rowsOf(shown, { holders, mappings })) {
      writeBehind(stdout, `  ${label.padEnd(11)} `, text);
    }
  },
});

/** The servers of the port's lease on other ports; of a port without a lease, the listeners that are such servers. */
async function straysOf(client: PortdClient, { leases, listeners }: PortDescription): Promise<readonly Stray[]> {
  const waiting = leases.find(isWaiting);
  if (waiting !== undefined) return await findStraysOf(client, waiting);
  const mayBeStray = leases.length === 0 && listeners.some(({ protocol, pid }) => protocol === "tcp" && pid !== null);
  return mayBeStray ? findStrays(await withoutDaemon(client, listeners), await client.listAll()) : [];
}

/** The mappings at the router of the leases of the port. */
async function mappingsOf(client: PortdClient, { leases }: PortDescription): Promise<readonly Mapping[]> {
  if (leases.every(({ exposure }) => exposure === null || exposure.gateway === null)) return [];
  const { mappings } = await client.gateway();
  return mappings.filter(({ leaseId }) => leases.some(({ id }) => id === leaseId));
}

/** First where the server listens that belongs to the lease; where that is certain, no other advice is true. */
function adviceOf({ advice }: PortDescription, strays: readonly Stray[]): readonly string[] {
  const texts = [...new Set(strays.map(strayText))];
  return strays.some(({ isStarted }) => isStarted) ? texts : [...texts, ...advice];
}

/** The listeners of TCP that are not the daemon itself. */
async function withoutDaemon(client: PortdClient, listeners: readonly PortSocket[]): Promise<readonly PortSocket[]> {
  const daemon = (await client.status()).pid;
  return listeners.filter(({ protocol, pid }) => protocol === "tcp" && pid !== daemon);
}

/** How the sentence looks. */
const STYLES: Readonly<Record<Verdict, Style>> = {
  free: "green",
  leased: "bold",
  listening: "bold",
  conflict: "red",
  excluded: "yellow",
  bound: "yellow",
};

/** What is shown beside the description. */
interface Surroundings {
  /** They are known by what they say of themselves. */
  readonly holders: readonly Lease["holder"][];
  readonly mappings: readonly Mapping[];
}

function rowsOf(
  description: PortDescription,
  { holders, mappings }: Surroundings,
): readonly (readonly [label: string, text: string])[] {
  const { leases, rules, listeners, connections, advice } = description;
  return [
    ["class", classText(description)],
    ...knownFor(description),
    ...leases.map((lease) => ["lease", leaseText(lease)] as const),
    ...rules.map((rule) => ["rule", ruleText(rule)] as const),
    ...mappings.map((mapping) => ["mapping", mappingText(mapping)] as const),
    ...listeners.flatMap((socket) => socketRows(socket, holders)),
    ...connectionRows(connections),
    ...advice.map((text) => ["advice", text] as const),
  ];
}

function classText({ port, class: portClass, privileged, pooled, quarantined, ephemeral, reserved }: PortDescription) {
  const remarks = [
    ...(port > 0 && privileged ? ["listening needs an administrator's rights"] : []),
    ...(pooled ? ["in the pool"] : []),
    ...(quarantined ? ["cooling down: the pool does not give it out yet"] : []),
    ...(ephemeral ? ["in the ephemeral range"] : []),
    ...(reserved ? ["reserved: the system gives it to nobody by itself"] : []),
  ];
  return [portClass, ...remarks].join(", ");
}

function knownFor({ services, developmentUse }: PortDescription): (readonly [string, string])[] {
  const byName = new Map<string, string[]>();
  for (const { name, protocol, description } of services) {
    const key = description === "" ? name : `${name} (${description})`;
    byName.set(key, [...byName.get(key) ?? [], protocol]);
  }
  return [
    ...[...byName].map(([text, protocols]) => ["service", `${protocols.join("+")} ${text}`] as const),
    ...(developmentUse === null ? [] : [["used by", developmentUse] as const]),
  ];
}

function leaseText(lease: Lease): string {
  const { id, name, protocols, state, holder, grantedAt } = lease;
  const what = `${name ?? id} (${protocols.join("+")}, ${state})`;
  return `${what}, held by ${holder.id}, since ${grantedAt}, ${endingOf(lease)}`;
}

function ruleText({ name, remote, profiles, state }: PortDescription["rules"][number]): string {
  const words = state === "not_needed" ? "not needed: the firewall lets these packets in anyway" : state;
  return `${name} lets in ${remote.join(", ")} (${profiles.join(", ")}), ${words}`;
}

function mappingText(mapping: Mapping): string {
  const { external, state, reason } = mapping;
  const what = external === null
    ? `${mapping.family} ${mapping.protocol}, ${state}`
    : `${grantedText(mapping)}, ${state}`;
  return reason === null ? what : `${what}: ${reason}`;
}

function socketRows(socket: PortSocket, holders: readonly Lease["holder"][]): (readonly [string, string])[] {
  const { protocol, localAddress, pid, user, process, startedAt, ofHolder, reason, forwarder, ancestors } = socket;
  const whose = ofHolder === null ? "" : ofHolder ? " (the holder's)" : " (not the holder's)";
  const who = pid === null
    ? `a process${user ? ` of user ${user}` : ""} that cannot be seen`
    : `pid ${pid} ${shortCommand(process?.command ?? "unknown command", Infinity)}`;
  const details = [
    ...(process?.user ? [`user ${process.user}`] : []),
    ...(process?.cwd ? [`in ${process.cwd}`] : []),
    ...(startedAt === null ? [] : [`since ${startedAt}`]),
  ];
  const target = forwarder?.target ? ` ${forwarder.target.address}:${forwarder.target.port}` : "";
  return [
    ["listener", `${protocol} ${localAddress} ${who}${whose}`],
    ...(details.length === 0 ? [] : [["", details.join(", ")] as const]),
    ...(reason ? [["", `not the holder's: ${reason}`] as const] : []),
    ...(forwarder === null ? [] : [["", `${forwarder.program} forwards the port to a container${target}`] as const]),
    ...(ancestors.length === 0 ? [] : [["started by", ancestorsText(ancestors, holders)] as const]),
  ];
}

function ancestorsText(ancestors: PortSocket["ancestors"], holders: readonly Lease["holder"][]): string {
  return ancestors.slice(0, 3).map(({ pid, command }) => {
    const holder = holders.find((each) => each.pid === pid);
    return `${shortCommand(holder?.command ?? command ?? "?", holder === undefined ? 30 : 60)} (${pid})`;
  }).join(" ← ");
}

function connectionRows(connections: readonly PortSocket[]): (readonly [string, string])[] {
  if (connections.length > MOST_LISTED_CONNECTIONS) {
    const counts = new Map<string, number>();
    for (const { state } of connections) counts.set(state || "UDP", (counts.get(state || "UDP") ?? 0) + 1);
    return [["connections", [...counts].map(([state, count]) => `${count} ${state}`).join(", ")]];
  }
  return connections.map(({ remoteAddress, remotePort, state, pid }) => {
    const peer = addressText(remoteAddress, remotePort);
    return ["connection", `${state || "UDP"} with ${peer}${pid === null ? "" : `, pid ${pid}`}`];
  });
}
