/** `portd open`: makes a leased port reachable from outside, through the host's firewall. */
import type { Lease, PortdClient, PortDescription, PortSocket, Protocol } from "../../client/client.ts";
import type { ExposureRequest } from "../../client/wire.ts";
import type { RuleWithState } from "../../firewall/plan.ts";
import { type Profile, PROFILES } from "../../firewall/rule.ts";
import { PortdError } from "../../errors.ts";
import { loopbackHint } from "../../inspect/loopback.ts";
import type { Exposure } from "../../lease/lease.ts";
import { PROTOCOLS } from "../../port/port.ts";
import { COMMON_FLAGS, defineCommand, type FlagsOf, listFlag, NAME_OR_PORT, switchFlag } from "../command.ts";
import { confirm } from "../confirm.ts";
import { type CliContext, given } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { UsageError } from "../exit.ts";
import { findLease, type NameOrPort, parseNameOrPort, titleOf } from "../naming.ts";
import { addressesForOthers, isOnThisMachine } from "../open/addresses.ts";
import { endText, listenerText, Opening, select, type Selection, type UnleasedPart } from "../open/leases.ts";
import { requireRights } from "../open/rights.ts";
import { readOr } from "../parse.ts";
import { addressText, escapeControls, writeJson, writeLine } from "../terminal.ts";

const FLAGS = {
  remote: listFlag(
    "WHO",
    "Who may connect: LocalSubnet (the default), any, an address or a network; several with commas",
    { parse: String, separator: "," },
  ),
  profile: listFlag(
    "PROFILE",
    "Network profiles of Windows: domain, private (both by default) and public; several with commas",
    { parse: parseProfile, separator: "," },
  ),
  out: switchFlag("For connections from this machine, not to it"),
  udp: switchFlag("The UDP port; with a port, not a name"),
  both: switchFlag("The TCP and the UDP port; with a port, not a name"),
  yes: switchFlag("Lease the port without asking where it is not leased"),
  ...COMMON_FLAGS,
};

type OpenFlags = FlagsOf<typeof FLAGS>;

export default defineCommand({
  flags: FLAGS,
  args: [NAME_OR_PORT],
  help: `Makes the daemon keep a rule in the host's firewall for as long as the lease lives: inbound, for the
networks that this machine is on. Prints the addresses at which other machines reach the port. Needs the daemon's admin
token, and a daemon that may change the firewall. A port that is not leased is leased first, after asking: to the
process that listens on it, until that process ends; where nobody listens, until it is released. When the port cannot
be opened, everything stays as it was.`,
  usage: [
    "NAME|PORT [--udp|--both] [--remote WHO] [--profile PROFILE] [--out]",
    { input: "web", brief: "for the networks that this machine is on" },
    { input: "25565 --remote any --profile private,public --yes", brief: "a game server, for everybody" },
    { input: "19132 --udp", brief: "a game server that uses UDP" },
  ],
  async run(context, flags, text) {
    const target = parseNameOrPort(text);
    const protocols = protocolsOf(flags, target);
    const client = await findDaemon(context, flags, { withToken: true });
    await requireRights(context, client);
    const selection = await choose(context, client, target, protocols);
    for (const part of selection.unleased) await askToLease(context, selection.port, part, flags.yes);
    const opened = await openAll(client, selection, exposureOf(flags));
    report(context, flags, client.url, opened);
  },
});

/** @throws {UsageError} with a name: a lease has protocols of its own. */
function protocolsOf({ udp, both }: OpenFlags, target: NameOrPort): readonly Protocol[] {
  if (udp && both) throw new UsageError("Cannot use --udp together with --both: leave one of them out");
  if ((udp || both) && "lease" in target) {
    throw new UsageError(
      "Cannot use --udp or --both with a name: a lease has its own protocols; name the port instead",
    );
  }
  return both ? PROTOCOLS : udp ? ["udp"] : [];
}

function exposureOf({ remote, profile: profiles, out }: OpenFlags): ExposureRequest {
  return { firewall: given({ remote, profiles, direction: out ? "out" as const : undefined }) };
}

/** What to open. */
interface Chosen extends Selection {
  readonly port: number;
}

async function choose(
  { cwd }: CliContext,
  client: PortdClient,
  target: NameOrPort,
  protocols: readonly Protocol[],
): Promise<Chosen> {
  if ("port" in target) return { ...target, ...select(await client.describePort(target.port), protocols) };
  const lease = await findLease(client, target, cwd).catch((error) => {
    if (!(error instanceof PortdError) || error.code !== "lease_not_found") throw error;
    const message = `${error.message}; lease it first (portd lease), or name the port instead`;
    throw new PortdError(error.code, message, error.data);
  });
  return { port: lease.port, leases: [lease], unleased: [] };
}

async function askToLease(
  context: CliContext,
  port: number,
  { protocols, listener }: UnleasedPart,
  yes = false,
): Promise<void> {
  const unleased = `port ${port}/${protocols.join("+")} is not leased`;
  const who = listener === undefined ? "" : `, and ${listenerText(listener)} listens on it`;
  const question = listener === undefined
    ? "Lease it until it is released?"
    : "Lease it to that process, until it ends?";
  await confirm(context, question, { preface: escapeControls(`${unleased}${who}`) + "\n", yes });
}

/** What was opened, as the daemon sees it afterwards. */
interface Opened {
  readonly leases: readonly Lease[];
  /** Those of the leases that the command has made. */
  readonly made: readonly Lease[];
  /** Those that were open to others than now, as they were. */
  readonly reopened: readonly Lease[];
  readonly backend: string | null;
  readonly remarks: readonly string[];
  readonly description: PortDescription;
}

/** All or nothing: when anything fails, what was done before is undone. */
async function openAll(client: PortdClient, selection: Chosen, exposure: ExposureRequest): Promise<Opened> {
  const { port, leases: live, unleased } = selection;
  const opening = new Opening(client, exposure);
  try {
    const made: Lease[] = [], leases: Lease[] = [];
    for (const part of unleased) made.push(await opening.lease(port, part));
    for (const lease of live) leases.push(await opening.open(lease));
    const { backend, remarks } = await client.syncFirewall();
    const reopened = live.filter(({ exposure }, i) =>
      exposure !== null && remoteOf(exposure) !== remoteOf(leases[i]!.exposure!)
    );
    return {
      leases: [...leases, ...made],
      made,
      reopened,
      backend,
      remarks,
      description: await client.describePort(port),
    };
  } catch (error) {
    throw await opening.takeBack(error);
  }
}

function report(context: CliContext, { json, out, profile }: OpenFlags, url: string, opened: Opened): void {
  const { leases, made, backend, description: { port, rules, listeners } } = opened;
  const { process: { stdout, stderr } } = context;
  const interfaces = context.interfaces();
  const listening = [...new Set(listeners.filter((socket) => isOf(socket, leases)).map((each) => each.localAddress))];
  const isShown = !out && isOnThisMachine(url, interfaces);
  const addresses = isShown ? addressesForOthers(interfaces, listening).map((each) => addressText(each, port)) : [];
  const hint = loopbackHint(leases[0]!.exposure, listening);
  const unused = !out && listening.length === 0 ? [`nobody listens on port ${port} yet: start the server`] : [];
  const useless = profile !== undefined && backend !== "windows" ? [`--profile does nothing: ${backend} has none`] : [];
  const remarks = [...opened.remarks, ...(hint === undefined ? [] : [hint]), ...unused, ...useless];
  const own = rules.filter(({ protocol }) => isOf({ protocol }, leases));
  if (json) return writeJson(stdout, { lease: leases[0], leases, rules: own, addresses, backend, remarks });
  for (const lease of made) writeLine(stderr, `leased ${titleOf(lease)} ${endText(lease)}`);
  for (const lease of leases) {
    const states = stateText(own.filter(({ protocol }) => isOf({ protocol }, [lease])));
    writeLine(
      stderr,
      `opened ${titleOf(lease)} to ${lease.exposure!.firewall.remote.join(", ")} (${backend})${states}`,
    );
  }
  for (const lease of opened.reopened) {
    writeLine(stderr, `note: before it was open to ${remoteOf(lease.exposure!)}`);
  }
  for (const note of remarks) writeLine(stderr, `note: ${note}`);
  for (const address of addresses) writeLine(stdout, address);
}

function remoteOf({ firewall }: Exposure): string {
  return firewall.remote.join(", ");
}

function isOf({ protocol }: Pick<PortSocket, "protocol">, leases: readonly Lease[]): boolean {
  return leases.some(({ protocols }) => protocols.includes(protocol));
}

/** How the rules stand, as `: set`, or `: tcp set, udp not needed`; nothing where there is no rule. */
function stateText(rules: readonly RuleWithState[]): string {
  const words = rules.map(({ protocol, state }) => [protocol, state.replace("_", " ")] as const);
  const states = new Set(words.map(([, state]) => state));
  if (states.size <= 1) return [...states].map((state) => `: ${state}`).join("");
  return `: ${words.map((each) => each.join(" ")).join(", ")}`;
}

function parseProfile(text: string): Profile {
  return readOr(PROFILES.find((profile) => profile === text), "domain, private or public");
}
