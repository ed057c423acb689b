/** What the router has done for the leases that are opened, and what to do where it has not. Pure. */
import type { Lease, Protocol } from "../../client/client.ts";
import type { GatewayStatus, Mapping } from "../../client/wire.ts";
import type { Family } from "../../gateway/gateway.ts";
import { kindOfAddress } from "../../line/address_kind.ts";
import { addressBytes } from "../../os/address.ts";
import { addressText } from "../terminal.ts";
import { grantedText, outsideText } from "./mapping_text.ts";

/** What was to be open and is not, with what to do. */
export interface Shortcoming {
  /** Where it fails. */
  readonly layer: "rule" | "mapping" | "pinhole";
  /** A sentence. */
  readonly message: string;
  /** A sentence or a command; null where the message says it. */
  readonly next: string | null;
}

/** How the mappings of some leases stand. */
export interface Outcome {
  /** `address:port` of what the router confirms, each once, IPv4 first. */
  readonly addresses: readonly string[];
  /** What is there, a sentence each. */
  readonly done: readonly string[];
  readonly notes: readonly string[];
  readonly shortcomings: readonly Shortcoming[];
  /** Whether no router answers that would forward a port, though one is wanted. */
  readonly isWithoutRouter: boolean;
}

/** What is asked of the router for some leases. */
export interface RouterWish {
  readonly leases: readonly Lease[];
  /** As in the command line: what a person types to open them again. */
  readonly target: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** Only this external port. */
  readonly external: number | undefined;
  /** Whether this machine has an IPv6 address that the internet knows. */
  readonly hasGlobalIpv6: boolean;
  /** Whether the line can have no port at all by IPv4. */
  readonly hasNoPort: boolean;
  /** How long the router was waited for, as a text: `15s`. */
  readonly waited: string;
}

const GLOBAL_IPV6 = /^[23][0-9a-f]{3}:/i;

/** Whether an address is an IPv6 address that the internet knows. */
export function isGlobalIpv6(address: string): boolean {
  return GLOBAL_IPV6.test(address);
}

/** Judges the mappings of all leases of a wish. */
export function judge(wish: RouterWish, status: GatewayStatus): Outcome {
  const families: readonly Family[] = [...wish.ipv4 ? ["ipv4"] as const : [], ...wish.ipv6 ? ["ipv6"] as const : []];
  const parts = families.flatMap((family) =>
    wish.leases.flatMap((lease) =>
      lease.protocols.map((protocol) => judgeOne(wish, status, { lease, family, protocol }))
    )
  );
  const addresses = parts.flatMap(({ address }) => address ?? []);
  return {
    addresses: [...new Set(addresses)],
    done: parts.flatMap(({ done }) => done ?? []),
    notes: parts.flatMap(({ note }) => note ?? []),
    shortcomings: joined(parts.flatMap(({ fault }) => fault ?? [])),
    isWithoutRouter: wish.ipv4 && status.ipv4 === null && addresses.every((each) => each.startsWith("[")),
  };
}

interface Endpoint {
  readonly lease: Lease;
  readonly family: Family;
  readonly protocol: Protocol;
}

interface Judgement {
  readonly address?: string;
  readonly done?: string;
  readonly note?: string;
  readonly fault?: Fault;
}

/** A shortcoming of one protocol; in its message {@linkcode WHICH} stands for the protocol. */
interface Fault extends Shortcoming {
  readonly protocol: Protocol;
}

const WHICH = "{protocol}";

function judgeOne(wish: RouterWish, status: GatewayStatus, endpoint: Endpoint): Judgement {
  const { lease, family, protocol } = endpoint;
  const found = status.mappings.filter((each) =>
    each.leaseId === lease.id && each.family === family && each.protocol === protocol && each.state !== "leaving"
  );
  const mapping = found.find(({ state }) => state === "set") ?? found[0];
  const fails = (message: string, next: string | null) => ({
    fault: { layer: layerOf(family), protocol, message, next },
  });
  if (family === "ipv6" && mapping?.state !== "set" && !wish.hasGlobalIpv6) {
    return fails("no IPv6 pinhole: this machine has no IPv6 address that the internet knows", ASK_FOR_IPV6);
  }
  const what = family === "ipv4" ? `port ${lease.port}/${WHICH}` : `a pinhole for port ${lease.port}/${WHICH}`;
  if (mapping === undefined || mapping.state === "making") {
    return fails(`${what} is not forwarded: the router has not answered within ${wish.waited}`, LATER);
  }
  if (mapping.state === "failed") {
    return fails(`${what} is not open: ${reasonOf(mapping)}`, nextFor(wish, status, mapping));
  }
  if (mapping.state === "unusable") {
    return fails(`${what} is forwarded, but nothing arrives: ${reasonOf(mapping)}`, nextForUnusable(wish, mapping));
  }
  return judgeGranted(wish, mapping, fails);
}

/** A mapping that the router has granted: it may still be of no use. */
function judgeGranted(
  { external: wanted, target }: RouterWish,
  mapping: Mapping,
  fails: (message: string, next: string | null) => Judgement,
): Judgement {
  const { external, internal, family } = mapping;
  const { address = null, port = internal.port } = external ?? {};
  if (address === null || addressBytes(address) === undefined) {
    return fails(
      `the router forwards its port ${port}/${WHICH}, but does not say which address it has`,
      "look up the address on the router's page, or ask a server on the internet: portd line --stun",
    );
  }
  if (family === "ipv4" && kindOfAddress(address) !== "public") {
    return fails(
      `the router forwards its port ${port}/${WHICH}, but its own address ${address} is not one of the internet`,
      NOT_PUBLIC_NEXT,
    );
  }
  if (wanted !== undefined && family === "ipv4" && port !== wanted) {
    return fails(
      `the router has granted port ${port}/${WHICH} instead of ${wanted}: ${addressText(address, port)}`,
      `take another port (portd open ${target} --router --external N), or any: leave --external out`,
    );
  }
  return {
    address: addressText(address, port),
    done: grantedText(mapping),
    ...(mapping.reason !== null && { note: `${outsideText(mapping)}: ${mapping.reason}` }),
  };
}

const ASK_FOR_IPV6 = "turn IPv6 on at the router, or leave --ipv6 out";
const LATER = "portd keeps asking; see how it stands with: portd gateway status";
const NOT_PUBLIC_NEXT =
  "another router or the provider's own is in front of it: forward the port there too, or have it pass everything on " +
  "(bridge mode), or ask the provider for an IPv4 address of your own; --ipv6 may work";

/** What a mapping has as its internal address where this machine has no way to the internet. */
const ANY_ADDRESS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

const NO_ADDRESS_NEXT =
  "the router has no IPv4 address of the internet, or does not say it (no connection, or DS-Lite): look at its page, and " +
  "at the line (portd line --stun); --ipv6 may work";

function layerOf(family: Family): Shortcoming["layer"] {
  return family === "ipv4" ? "mapping" : "pinhole";
}

function reasonOf({ reason, state }: Mapping): string {
  return reason ?? `its state is ${state}`;
}

function nextFor(
  { target, external, hasNoPort }: RouterWish,
  status: GatewayStatus,
  { family, internal }: Mapping,
): string {
  const router = status[family];
  if (ANY_ADDRESS.has(internal.address)) return "look at the way to the internet: portd net";
  if (router === null) {
    return family === "ipv4"
      ? "switch UPnP, NAT-PMP or PCP on at the router's page, or forward the port there by hand"
      : "switch PCP or UPnP for IPv6 on at the router's page, or let the port pass its IPv6 firewall by hand";
  }
  if (family === "ipv4" && hasNoPort) return "see what is known of the line: portd line";
  if (family === "ipv4" && router.externalAddress === null) return NO_ADDRESS_NEXT;
  if (external !== undefined && family === "ipv4") {
    return `take another port (portd open ${target} --router --external N), or any: leave --external out`;
  }
  return `look at the page of the router, http://${addressForUrl(router.address)}/; ${LATER}`;
}

function nextForUnusable({ target, external }: RouterWish, { family }: Mapping): string {
  if (family === "ipv6") return `see what lies in between: portd check ${target}`;
  const other = external === undefined ? "" : `leave --external out (portd open ${target} --router), or `;
  return `${other}see which ports this line can have: portd line --stun; --ipv6 may work where IPv4 does not`;
}

function addressForUrl(address: string): string {
  return address.includes(":") ? `[${address.replace("%", "%25")}]` : address;
}

/** Faults that are the same for both protocols of a lease are one. */
function joined(faults: readonly Fault[]): readonly Shortcoming[] {
  const plain = faults.map(({ protocol, message, ...rest }) => ({
    ...rest,
    message: message.replaceAll(`/${protocol}`, `/${WHICH}`), // the router's own words name the protocol too
    protocol,
  }));
  const groups = Map.groupBy(plain, ({ layer, message, next }) => JSON.stringify([layer, message, next]));
  return [...groups.values()].map((group) => {
    const [{ layer, message, next }] = group as [Fault];
    const which = [...new Set(group.map(({ protocol }) => protocol))].join("+");
    return { layer, message: message.replaceAll(WHICH, which), next };
  });
}
