/** How a mapping stands, in the words that people and clients read. Pure. */
import { isoInstant } from "../clock.ts";
import { kindOfAddress } from "../line/address_kind.ts";
import { chooseExternalPort } from "../line/port_choice.ts";
import { type Entry, leastRenewalMs } from "./entry.ts";
import type { Mapping, WantedMapping } from "./mapping.ts";
import { currentOf, type KnownLine, obstacleOf, type View } from "./plan.ts";
import type { MappingRecord } from "./record.ts";

/** How the router's outer address is known; see {@linkcode View} for the rest. */
export interface Picture extends View {
  /** The router's outer address of IPv4; null where it has none, undefined where that is not known. */
  readonly external: string | null | undefined;
}

/** The mappings that are wanted, in their order, and those that the router has not deleted yet. */
export function presentAll(picture: Picture): readonly Mapping[] {
  const current = currentOf(picture);
  const wanted = [...picture.wanted].map(([key, wish]) => present(picture, key, wish, current.get(key)));
  const left = picture.entries.filter(({ record }) => record.leavingAt !== null);
  return [...wanted, ...left.map((entry) => presentLeaving(picture, entry))];
}

/** A mapping that no lease wants any more. */
export function presentLeaving({ trials }: View, { record }: Entry): Mapping {
  return { ...baseOf(record), state: "leaving", reason: trials.get(record.nonce)?.reason ?? null };
}

/** A mapping that a lease wants. @param key is that of the wish. */
export function present(picture: Picture, key: string, wish: WantedMapping, entry: Entry | undefined): Mapping {
  const tried = picture.trials.get(key)?.reason ?? null;
  if (entry === undefined) return { ...unmade(picture, wish), ...stateOf(tried ?? obstacleOf(picture, wish)) };
  const base = { ...baseOf(entry.record), lease: wish.lease, wantedPort: wish.wantedPort };
  const external = outsideOf(picture, entry.record);
  const trouble = tried ?? picture.side(wish.family).obstacle;
  if (entry.record.external === null) return { ...base, ...stateOf(trouble) };
  if (entry.isLost) return { ...base, external: null, expiresAt: null, ...stateOf(trouble) };
  if (entry.endsAt <= picture.now) return { ...base, ...failed(trouble ?? "the router has ended it") };
  const useless = uselessness(picture, entry.record);
  if (useless !== null) return { ...base, external, state: "unusable", reason: useless };
  return { ...base, external, state: "set", reason: trouble ?? oddity(entry) };
}

/** What was granted; where the grant has no address (NAT-PMP), with the router's. */
function outsideOf({ external: address }: Picture, { family, external }: MappingRecord): Mapping["external"] {
  if (external === null || external.address !== null || family === "ipv6") return external;
  return { address: address ?? null, port: external.port };
}

/** The state of a mapping that is not there yet. @param trouble is what keeps it from being made. */
function stateOf(trouble: string | null): Pick<Mapping, "state" | "reason"> {
  return trouble === null ? { state: "making", reason: null } : failed(trouble);
}

function failed(reason: string) {
  return { state: "failed", reason } as const;
}

function unmade({ side }: View, { leaseId, lease, family, protocol, wantedPort, port }: WantedMapping) {
  const address = side(family).route?.address ?? (family === "ipv4" ? "0.0.0.0" : "::");
  const base = { leaseId, lease, family, protocol, wantedPort, internal: { address, port } };
  return { ...base, external: null, via: null, expiresAt: null };
}

function baseOf(record: MappingRecord): Omit<Mapping, "state" | "reason"> {
  const { leaseId, lease, family, protocol, internal, wantedPort, external, gateway, endsAt } = record;
  const isGranted = external !== null;
  return {
    leaseId,
    lease,
    family,
    protocol,
    internal,
    wantedPort,
    external,
    via: isGranted ? gateway.protocol : null,
    expiresAt: isGranted && endsAt !== null ? isoInstant(endsAt) : null,
  };
}

/** Why nothing from the internet arrives at a mapping that was granted; null where nothing is known against it. */
function uselessness({ external, line }: Picture, record: MappingRecord): string | null {
  if (record.family === "ipv6") return null;
  const address = external ?? record.external!.address;
  if (external === null) return "the router has no outer IPv4 address: DS-Lite, or it has no connection now";
  const reason = address === null ? null : addressTrouble(address);
  return reason ?? lineTrouble(line, record.external!.port);
}

/** What the router's outer address says against it. */
function addressTrouble(address: string): string | null {
  switch (kindOfAddress(address)) {
    case "carrier":
      return `the router's outer address ${address} is one of carrier-grade NAT: the provider shares a public one`;
    case "ds-lite":
      return `the router's outer address ${address} is one of DS-Lite: the provider shares a public one`;
    case "private":
    case "special":
      return `the router's outer address ${address} is a private one: another router is before it (double NAT)`;
    default:
      return null;
  }
}

function lineTrouble(line: KnownLine | undefined, port: number): string | null {
  const choice = chooseExternalPort(line, port, port);
  return choice.port === null ? `the router has granted a port that the line does not have: ${choice.reason}` : null;
}

/** What is unusual about a mapping that works. */
function oddity({ record: { external, askedPort, lifetimeS }, grantedS }: Entry): string | null {
  const odd: string[] = [];
  if (external!.port !== askedPort) {
    odd.push(`the router has given port ${external!.port} in the place of ${askedPort}`);
  }
  if (grantedS !== null && grantedS * 1000 <= leastRenewalMs(lifetimeS)) {
    odd.push(`the router ends it after ${grantedS} s, earlier than it is renewed`);
  }
  return odd.length === 0 ? null : odd.join("; ");
}
