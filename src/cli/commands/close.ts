/** `portd close`: undoes what `portd open` did. */
import { type Lease, type PortdClient, PortdError } from "../../client/client.ts";
import type { Mapping } from "../../client/wire.ts";
import { type Having, LEASE_FIELDS } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, NAME_OR_PORT, parsedFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { Ended, EXIT } from "../exit.ts";
import { findLease, type NameOrPort, parseNameOrPort, titleOf } from "../naming.ts";
import { Bound, partOf } from "../open/bound.ts";
import { leavingText, outsideText } from "../open/mapping_text.ts";
import { DEFAULT_TIMEOUT_MS, parseTimeout, withLimit } from "../open/timeout.ts";
import { writeJson, writeLine } from "../terminal.ts";

/** What is there beside the lease. */
const MORE = ["leases", "removedRules", "removedMappings", "leavingMappings"] as const;

export default defineCommand({
  flags: {
    timeout: parsedFlag("DURATION", "How long firewall and router may take (15s)", parseTimeout),
    ...COMMON_FLAGS,
  },
  args: [NAME_OR_PORT],
  answer: { fields: [...LEASE_FIELDS, ...MORE] },
  help:
    `Removes the rules of a lease from the host's firewall and its mappings from the router; the lease stays. Of a port
all leases are closed. Needs the daemon's admin token. The exit code is 1 where the router has not deleted a mapping:
portd keeps trying, and stderr says when the router ends it by itself.`,
  usage: ["NAME|PORT [--timeout 15s]"],
  async run(context, { timeout: timeoutMs = DEFAULT_TIMEOUT_MS, ...flags }, text) {
    const target = parseNameOrPort(text);
    const client = await findDaemon(withLimit(context, timeoutMs), flags, { withToken: true });
    const leases = await leasesOf(client, target, context.cwd);
    using bound = new Bound(context, timeoutMs);
    const before = await look(client, leases, bound);
    const closed: Lease[] = [];
    for (const { id } of leases) closed.push(await client.conceal(id, bound));
    const [firewall, left] = await Promise.all([
      syncRules(client, bound),
      before.mappings.length === 0 ? [] : leavingMappings(client, leases, bound),
    ]);
    const removed = before.mappings.filter((one) => one.external !== null && !left.some((each) => isSame(each, one)));
    report(context, flags.json ?? false, { leases, closed, rules: before.rules, removed, left, ...firewall });
    if (firewall.failure !== undefined && before.rules.length > 0) throw firewall.failure;
    if (left.length > 0) throw new Ended(EXIT.failure);
  },
});

/** Of a port all live leases, which may be one for each protocol. */
async function leasesOf(client: PortdClient, target: NameOrPort, cwd: string): Promise<readonly Lease[]> {
  const leases = "port" in target ? await client.listAll({ port: target.port }) : [];
  return leases.length > 0 ? leases : [await findLease(client, target, cwd)];
}

/** What is there before: the names of rules that are set, and the mappings. */
async function look(client: PortdClient, leases: readonly Lease[], bound: Bound) {
  const [{ rules }, { mappings }] = await Promise.all([
    client.describePort(leases[0]!.port, bound),
    client.gateway(bound),
  ]);
  const isOpen = ({ protocol }: { readonly protocol: Lease["protocols"][number] }) =>
    leases.some(({ exposure, protocols }) => exposure !== null && protocols.includes(protocol));
  const own = rules.filter((rule) => isOpen(rule) && rule.state !== "not_needed");
  // A daemon that has just started has not read the firewall yet.
  const isUnread = own.some(({ state }) => state === "unknown");
  const actual = new Set((isUnread ? await client.firewall(bound) : undefined)?.actual?.map(({ name }) => name));
  return {
    rules: own.filter(({ name, state }) => state === "set" || actual.has(name)).map(({ name }) => name),
    mappings: mappings.filter((mapping) => isOf(mapping, leases)),
  };
}

function isOf({ leaseId }: Mapping, leases: readonly Lease[]): boolean {
  return leases.some(({ id }) => id === leaseId);
}

function isSame(one: Mapping, other: Mapping): boolean {
  const [first, second] = [one, other].map(({ leaseId, family, protocol, external }) =>
    JSON.stringify([leaseId, family, protocol, external?.port])
  );
  return first === second;
}

interface FirewallPart {
  readonly backend: string | null;
  /** Why the rules could not be removed, or the firewall not be looked at. */
  readonly failure: Error | undefined;
}

/** Removes the rules. */
async function syncRules(
  client: PortdClient,
  { signal }: Bound,
): Promise<FirewallPart> {
  const part = await partOf(
    client.syncFirewall({ signal }),
    (error) => error instanceof PortdError && error.code === "firewall_unavailable",
  );
  return "value" in part
    ? { backend: part.value.backend, failure: undefined }
    : { backend: null, failure: part.failure };
}

/** Has the daemon ask the router. @returns the mappings that the router has not deleted. */
async function leavingMappings(
  client: PortdClient,
  leases: readonly Lease[],
  bound: Bound,
): Promise<readonly Mapping[]> {
  const part = await partOf(
    client.syncGateway({ signal: bound.signalUntil(Math.min(1000, bound.leftMs / 4)) }),
    () => false,
  );
  const { mappings } = "value" in part ? part.value : await client.gateway(bound);
  return mappings.filter((mapping) => isOf(mapping, leases));
}

interface Closed {
  readonly leases: readonly Lease[];
  /** The same leases, closed. */
  readonly closed: readonly Lease[];
  /** Names of the rules that were set. */
  readonly rules: readonly string[];
  readonly removed: readonly Mapping[];
  readonly left: readonly Mapping[];
}

function report({ process: { stdout, stderr } }: CliContext, json: boolean, found: Closed & FirewallPart): void {
  const { leases, closed, rules, removed, left, backend, failure } = found;
  const removedRules = failure === undefined ? rules : [];
  if (json) {
    const more = { leases: closed, removedRules, removedMappings: removed, leavingMappings: left };
    return writeJson(stdout, { ...closed[0], ...more satisfies Having<typeof MORE> });
  }
  for (const lease of leases) {
    writeLine(stderr, lease.exposure === null ? `${titleOf(lease)} is not open` : `closed ${titleOf(lease)}`);
  }
  for (const name of removedRules) writeLine(stderr, `removed the rule ${name} from the firewall (${backend})`);
  for (const mapping of removed) writeLine(stderr, `removed ${outsideText(mapping)} at the router`);
  for (const mapping of left) writeLine(stderr, `failed: ${leavingText(mapping)}`);
  if (left.length > 0) writeLine(stderr, "  next: portd keeps trying; see how it stands with: portd gateway list");
}
