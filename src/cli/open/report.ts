/** What `portd open` says in the end of the leases and their rules. */
import type { Lease, PortDescription, PortSocket } from "../../client/client.ts";
import type { RuleWithState } from "../../firewall/plan.ts";
import { loopbackHint } from "../../inspect/loopback.ts";
import type { Exposure } from "../../lease/lease.ts";
import type { CliContext } from "../context.ts";
import { titleOf } from "../naming.ts";
import { addressText, writeLine } from "../terminal.ts";
import { addressesForOthers, isOnThisMachine } from "./addresses.ts";
import { endText } from "./leases.ts";

/** Fields of the answer. */
export const OPEN_FIELDS = ["lease", "leases", "rules", "addresses", "backend", "remarks"] as const;

/** Those with `--router`. */
export const ROUTER_FIELDS = [
  ...OPEN_FIELDS,
  "localAddresses",
  "gateway",
  "mappings",
  "shortcomings",
  "takenBack",
  "sheet",
] as const;

/** What was opened, as the daemon sees it afterwards. */
export interface OpenedLeases {
  readonly leases: readonly Lease[];
  /** Those of the leases that the command has made. */
  readonly made: readonly Lease[];
  /** Those that were open otherwise before, as they were. */
  readonly reopened: readonly Lease[];
  readonly backend: string | null;
  readonly port: number;
  /** `undefined` where the daemon has not described the port. */
  readonly description: PortDescription | undefined;
}

/** Leases that were open otherwise than they are now, as they were. */
export function reopenedOf(before: readonly Lease[], now: readonly Lease[]): readonly Lease[] {
  return before.filter(({ exposure }, i) => exposure !== null && whomText(exposure) !== whomText(now[i]!.exposure!));
}

/** The rules that are of the leases. */
export function rulesOf({ leases, description }: OpenedLeases): readonly RuleWithState[] {
  return (description?.rules ?? []).filter((rule) => isOf(rule, leases));
}

/** The addresses at which machines of this network reach the port. */
export function localAddresses(context: CliContext, url: string, opened: OpenedLeases): readonly string[] {
  const interfaces = context.interfaces();
  if (!isOnThisMachine(url, interfaces)) return [];
  return addressesForOthers(interfaces, listeningOn(opened)).map((each) => addressText(each, opened.port));
}

/** What keeps others from a port although it is open. */
export function remarksOn(opened: OpenedLeases): readonly string[] {
  const { leases, description, port } = opened, listening = listeningOn(opened);
  const hint = loopbackHint(leases[0]!.exposure, listening);
  const isUnused = description !== undefined && listening.length === 0;
  return [
    ...(hint === undefined ? [] : [hint]),
    ...(isUnused ? [`nobody listens on port ${port} yet: start the server`] : []),
  ];
}

/** Says which leases were made, to whom they are open, and to whom they were. */
export function writeLeases({ process: { stderr } }: CliContext, opened: OpenedLeases): void {
  const { leases, made, reopened, backend } = opened, rules = rulesOf(opened);
  for (const lease of made) writeLine(stderr, `leased ${titleOf(lease)} ${endText(lease)}`);
  for (const lease of leases) {
    const states = stateText(rules.filter((rule) => isOf(rule, [lease])));
    const by = backend === null ? "" : ` (${backend})`;
    writeLine(stderr, `opened ${titleOf(lease)} to ${remoteOf(lease.exposure!)}${by}${states}`);
  }
  for (const { exposure } of reopened) writeLine(stderr, `note: before it was open to ${whomText(exposure!)}`);
}

function listeningOn({ leases, description }: OpenedLeases): readonly string[] {
  const sockets = (description?.listeners ?? []).filter((socket) => isOf(socket, leases));
  return [...new Set(sockets.map(({ localAddress }) => localAddress))];
}

function isOf({ protocol }: Pick<PortSocket, "protocol">, leases: readonly Lease[]): boolean {
  return leases.some(({ protocols }) => protocols.includes(protocol));
}

function remoteOf({ firewall }: Exposure): string {
  return firewall.remote.join(", ");
}

function whomText(exposure: Exposure): string {
  return `${remoteOf(exposure)}${exposure.gateway === null ? "" : ", also at the router"}`;
}

/** How the rules stand, as `: set`, or `: tcp set, udp not needed`; nothing where there is no rule. */
function stateText(rules: readonly RuleWithState[]): string {
  const words = rules.map(({ protocol, state }) => [protocol, state.replace("_", " ")] as const);
  const states = new Set(words.map(([, state]) => state));
  if (states.size <= 1) return [...states].map((state) => `: ${state}`).join("");
  return `: ${words.map((each) => each.join(" ")).join(", ")}`;
}
