/**
 * The verdict on the line: which external ports it can have, from what STUN servers saw, what the router says of itself,
 * and which addresses this machine has. pattern.ts finds what the ports have in common. Pure.
 *
 * With twelve samples an error by chance is improbable: random ports look like MAP-E in one of 1e20 looks, and a port set
 * of (6, 6) like one of (4, 8) in one of 1e7.
 */
import { rangeText } from "../port/port.ts";
import { type AddressKind, kindOfAddress } from "./address_kind.ts";
import type { Line, PortSet, StunSample } from "./line.ts";
import { findPattern, type Pattern } from "./pattern.ts";
import { portsOf, psidOfAddress, psidOfPort } from "./port_sets.ts";

/** What STUN servers saw at one time. */
export interface StunLook {
  /** From one address of one server, in the order in which the local ports were used. */
  readonly samples: readonly StunSample[];
  /** How many local ports asked, answered or not. */
  readonly asked: number;
  /** What another server saw; null where none answered. */
  readonly second: StunSample | null;
  /** ISO instant. */
  readonly at: string;
}

/** What is known. */
export interface LineEvidence {
  /** Null where no server was asked, or none answered. */
  readonly look: StunLook | null;
  /** The address on the router's outer side, as it says: null where it has none, undefined where that is not known. */
  readonly routerAddress: string | null | undefined;
  /** This machine's own IPv4 address on the way to the internet; null where there is none, or it is not known. */
  readonly localAddress: string | null;
  /** This machine's IPv6 addresses. */
  readonly ipv6Addresses: readonly string[];
  /** The name of the tunnel through which this machine reaches the internet; null where there is none. */
  readonly tunnel: string | null;
}

/** A verdict and what it says of ports; `usable` is as in {@linkcode Line}. */
interface Judgement extends Pick<Line, "verdict" | "reason" | "doubts" | "usable"> {
  readonly portSet?: PortSet;
}

/** Of fewer answers no pattern is sure. */
const FEWEST_SAMPLES = 8;
/** Random ports of a router are further apart. */
const NARROW_PORTS = 4096;

/** Judges. The verdict is `sure` where there is no doubt. */
export function judgeLine(evidence: LineEvidence): Line {
  const { look, routerAddress, tunnel } = evidence;
  const hasSamples = look !== null && look.samples.length > 0;
  const judgement = hasSamples ? judgeLook(evidence, look) : judgeRouter(evidence);
  const { verdict, reason, portSet = null, usable } = judgement;
  const doubts = [...judgement.doubts, ...(tunnel === null ? [] : [throughTunnel(tunnel)])];
  const seen = hasSamples ? look.samples[0]!.address : routerAddress ?? null;
  return {
    verdict,
    reason,
    certainty: doubts.length === 0 ? "sure" : "likely",
    doubts,
    externalAddress: seen !== null && kindOfAddress(seen) === "public" ? seen : null,
    portSet,
    usable,
    samples: look?.samples ?? [],
    sampledAt: look?.at ?? null,
  };
}

/** How the router's outer address relates to the one that the internet sees. */
type Outer = Exclude<AddressKind, "special"> | "same" | "none" | "unknown";

const ASK = "Ask a STUN server how the line changes ports: portd line --stun";
const ONE_SIDED = "No server on the internet was asked yet. " + ASK;

/** Without samples. */
function judgeRouter({ routerAddress, localAddress }: LineEvidence): Judgement {
  const outer = outerOf(routerAddress, null);
  const behind = behindAnotherNat(outer, routerAddress ?? null, localAddress);
  if (behind !== undefined) return behind;
  if (outer === "none") {
    const reason = "The router has no IPv4 address on its outer side: DS-Lite, or it has no connection now";
    return { verdict: "shared", reason, doubts: [ONE_SIDED], usable: null };
  }
  const reason = outer === "public"
    ? `The router has the public address ${routerAddress}. Whether all of its ports are yours is not known: the routers ` +
      "of MAP-E have a public address too"
    : "Nothing is known of the line: not even the router's outer address";
  return { verdict: "unknown", reason, doubts: [ONE_SIDED], usable: null };
}

/** From samples of one server, in which every address must make sense. */
function judgeLook(evidence: LineEvidence, look: StunLook): Judgement {
  const { samples, asked } = look;
  const odd = samples.find(({ address }) => kindOfAddress(address) !== "public");
  if (odd !== undefined) {
    const reason = "No server on the internet has said how it sees the line";
    return { ...unknownLine(reason), doubts: [oddAddress(odd, evidence)] };
  }
  if (samples.length < FEWEST_SAMPLES) {
    return unknownLine(
      `${samples.length} of ${asked} local ports were answered, and at least ${FEWEST_SAMPLES} are needed: packets were ` +
        "lost, or the line has no free ports left",
    );
  }
  const pattern = findPattern(samples);
  const judgement = judgePattern(evidence, pattern);
  const doubts = secondOpinion(look, pattern);
  const isBacked = judgement.doubts.length === 0 || judgement.verdict === "shared"; // by more than what one server says
  if (doubts.length > 0 && !isBacked) return { ...unknownLine(judgement.reason), doubts };
  return { ...judgement, doubts: [...judgement.doubts, ...doubts] };
}

function judgePattern(evidence: LineEvidence, pattern: Pattern): Judgement {
  const { routerAddress, localAddress } = evidence;
  const [seen, ...others] = pattern.addresses as [string, ...string[]];
  if (others.length === 0 && seen === localAddress && pattern.keepsPorts) {
    return every(`This machine has the public address ${seen} itself, and nothing changes its ports`);
  }
  if (pattern.portSet !== null && others.length === 0) return judgePortSet(pattern.portSet, pattern, evidence);
  const outer = outerOf(routerAddress, seen);
  const behind = behindAnotherNat(outer, routerAddress ?? null, localAddress);
  if (behind !== undefined) return behind;
  if (others.length > 0) return severalAddresses(pattern.addresses);
  if (outer === "public") return otherAddress(routerAddress!, seen);
  if (outer === "none") return noOuterAddress(pattern, seen);
  return outer === "same" ? ownAddress(pattern, seen) : silentRouter(pattern, seen);
}

/** @param seen is what the internet sees; null where that is not known. */
function outerOf(routerAddress: string | null | undefined, seen: string | null): Outer {
  if (routerAddress === null) return "none";
  if (routerAddress === seen) return "same";
  const kind = kindOfAddress(routerAddress ?? "") ?? "unknown";
  return kind === "special" ? "none" : kind; // 0.0.0.0, or one that the router has given itself
}

/** Where an address alone tells that another NAT stands between this router, or this machine, and the internet. */
function behindAnotherNat(outer: Outer, routerAddress: string | null, localAddress: string | null) {
  const local = kindOfAddress(localAddress ?? "");
  const isDirect = outer === "unknown" || outer === "none";
  const [kind, whose] = isDirect && (local === "carrier" || local === "ds-lite")
    ? [local, `This machine has the address ${localAddress}`]
    : [outer, `The router's own outer address is ${routerAddress}`];
  if (kind === "carrier") {
    return nothing(`${whose}, which is of a carrier's NAT (RFC 6598): subscribers share one public address`);
  }
  if (kind === "ds-lite") return nothing(`${whose}, which is of DS-Lite (RFC 6333): the carrier does the NAT`);
  if (kind !== "private") return undefined;
  const reason = `${whose}, which is no public one: another router stands between it and the internet, and has to ` +
    "forward the port too";
  return { verdict: "double-nat", reason, doubts: [], usable: null } satisfies Judgement;
}

function judgePortSet(
  portSet: PortSet,
  { step, span, addresses, isFiner }: Pattern,
  evidence: LineEvidence,
): Judgement {
  const { offset, length, psid } = portSet;
  const { routerAddress, ipv6Addresses } = evidence;
  const outer = outerOf(routerAddress, addresses[0]!);
  const isConfirmed = ipv6Addresses.some((address) => isGlobal(address) && psidOfAddress(address, portSet) === psid);
  if (outer === "carrier" && !isConfirmed) {
    const judgement = behindAnotherNat(outer, routerAddress!, null)!;
    return { ...judgement, doubts: ["The ports seen have the pattern of MAP-E all the same"] };
  }
  const doubts = [
    ...(isConfirmed ? [] : [
      "No IPv6 address of this machine confirms the PSID. A carrier whose NAT steps by 1,024 or 4,096 looks the same",
    ]),
    ...(step === null ? [] : [`The ports seen rise by ${step} each time, as those of a carrier's NAT may do`]),
    ...(outer === "public" ? [`The router says that it has another public address, ${routerAddress}`] : []),
    ...(isFiner && step === null ? ["The ports seen have more bits in common: the set may have fewer ports"] : []),
  ];
  const second = outer === "private"
    ? `. The router's own outer address is ${routerAddress}: another router stands before it, and has to forward the port too`
    : "";
  const reason = `MAP-E: all ports seen, between ${rangeText(span)}, are of PSID ${psid} (${offset} bits of offset, ` +
    `${length} bits of PSID)${isConfirmed ? ", which an IPv6 address of this machine confirms" : ""}${second}`;
  return { verdict: "map-e", reason, doubts, usable: portsOf(portSet), portSet };
}

/** The router's address is the one that the internet sees: all ports lead to it. */
function ownAddress({ keepsPorts, isOtherPortSet, span }: Pattern, seen: string): Judgement {
  const owner = `The router has the public address ${seen} that the internet sees`;
  const range = rangeText(span);
  if (keepsPorts) return every(`${owner}, and keeps the numbers of ports`);
  if (isOtherPortSet) {
    return unknownLine(
      `${owner}, but the ports seen, between ${range}, have bits in common: the line may have a port set of a kind that ` +
        "portd does not know",
    );
  }
  const change =
    "It changes the ports of outgoing connections, which does no harm: those that it forwards keep their number";
  const narrow =
    `All ports seen are between ${range}: a line with only some ports of its address, in one piece, looks ` +
    "the same";
  return every(`${owner}. ${change}`, span.last - span.first < NARROW_PORTS ? [narrow] : []);
}

/** A router that says nothing of its address. */
function silentRouter({ keepsPorts, span }: Pattern, seen: string): Judgement {
  const silence = "the router does not tell its outer address";
  if (keepsPorts) {
    const doubt = `A second NAT that keeps the numbers of ports looks the same: ${silence}`;
    return every(`The internet sees ${seen}, and the numbers of ports are kept`, [doubt]);
  }
  return unknownLine(
    `The internet sees ${seen}, and ports between ${rangeText(span)} without a pattern. A router of yours may choose ` +
      `them, or a carrier's: ${silence}`,
  );
}

function noOuterAddress({ keepsPorts }: Pattern, seen: string): Judgement {
  const router = `The router says that it has no IPv4 address on its outer side, and the internet sees ${seen}`;
  const doubts = ["Some routers do not tell the address that they have"];
  if (!keepsPorts) return nothing(`${router}: DS-Lite (RFC 6333), or another NAT of the carrier`, doubts);
  const reason =
    `${router}, and the numbers of ports are kept: another router stands between, and has to forward the port too`;
  return { verdict: "double-nat", reason, doubts, usable: null };
}

function otherAddress(routerAddress: string, seen: string): Judgement {
  const reason =
    `The router has the public address ${routerAddress}, and the internet sees ${seen}: another NAT stands between`;
  return { verdict: "double-nat", reason, doubts: ["The router may tell an address that it had before"], usable: null };
}

function severalAddresses(addresses: readonly string[]): Judgement {
  const reason = `The internet sees this machine with ${addresses.length} addresses at one time (${addresses[0]}, ` +
    `${addresses[1]}), as only a carrier's NAT has them`;
  return nothing(reason, ["A router with two lines looks the same"]);
}

function oddAddress({ address }: StunSample, { localAddress }: LineEvidence): string {
  return address === localAddress
    ? `The STUN server sees this machine's own address ${address}: it is behind the same NAT, and cannot tell how the ` +
      "internet sees the line"
    : `The STUN server says that it sees ${address}, which is no public address: it is behind the same NAT, or it lies`;
}

/** What a second server makes doubtful. */
function secondOpinion({ samples, second }: StunLook, { portSet }: Pattern): string[] {
  const first = samples[0]!;
  if (second === null) return [];
  if (kindOfAddress(second.address) !== "public") {
    return [`Another STUN server says that it sees ${second.address}, which is no public address: one of them lies`];
  }
  if (second.address !== first.address) {
    return [`Two STUN servers see different addresses: one ${first.address}, another ${second.address}`];
  }
  if (portSet === null || psidOfPort(second.port, portSet) === portSet.psid) return [];
  return [`Another STUN server sees port ${second.port}, which is not of this PSID`];
}

function throughTunnel(name: string): string {
  return `The way to the internet leads through the tunnel ${name}: what is said here is of its other end, not of your line`;
}

/** Addresses of IPv6 that the internet has: 2000::/3. */
function isGlobal(address: string): boolean {
  return /^[23][0-9a-f]{3}:/i.test(address);
}

function every(reason: string, doubts: readonly string[] = []): Judgement {
  return { verdict: "unrestricted", reason, doubts, usable: null };
}

function nothing(reason: string, doubts: readonly string[] = []): Judgement {
  return { verdict: "shared", reason, doubts, usable: [] };
}

function unknownLine(reason: string): Judgement {
  return { verdict: "unknown", reason, doubts: ["What was seen fits more than one kind of line"], usable: null };
}
