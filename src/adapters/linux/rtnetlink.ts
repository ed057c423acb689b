/**
 * The messages in which the kernel lists adapters, addresses and routes. Manuals: netlink(7), rtnetlink(7); kernel:
 * include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h. Pure.
 */
import { addressBytes, addressText } from "../../os/address.ts";
import { AF_INET, AF_INET6 } from "../../os/linux/socket_address.ts";

const RTM_NEWLINK = 16, RTM_GETLINK = 18, RTM_NEWADDR = 20, RTM_GETADDR = 22, RTM_NEWROUTE = 24, RTM_GETROUTE = 26;
const NLM_F_REQUEST = 0x1, NLM_F_DUMP = 0x300, NLM_F_DUMP_INTR = 0x10;
const NLMSG_ERROR = 2, NLMSG_DONE = 3;
/** Sizes of `nlmsghdr`, `ifinfomsg`, `ifaddrmsg`, `rtmsg`, `rtnexthop`. */
const HEADER_SIZE = 16, LINK_SIZE = 16, ADDRESS_SIZE = 8, ROUTE_SIZE = 12, NEXT_HOP_SIZE = 8;
const IFLA_ADDRESS = 1, IFLA_IFNAME = 3, IFLA_LINKINFO = 18, IFLA_INFO_KIND = 1;
const IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_CACHEINFO = 6, IFA_FLAGS = 8, IFA_PROTO = 11;
const RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PRIORITY = 6, RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9, RTA_TABLE = 15, RTA_VIA = 18, RTA_PREF = 20;
const IFF_UP = 0x1, IFF_RUNNING = 0x40;
const IFA_F_TEMPORARY = 0x01, IFA_F_PERMANENT = 0x80;
const RT_TABLE_MAIN = 254, RTN_UNICAST = 1, RTNH_F_DEAD = 1;
/** The low bits of an attribute's type; the others are flags. */
const TYPE_MASK = 0x3fff;
const ADDRESS_BITS: Readonly<Record<number, number>> = { [AF_INET]: 32, [AF_INET6]: 128 };
/** RFC 4191: 1 is high, 0 medium, 3 low. */
const PREFERENCE: Readonly<Record<number, number>> = { 1: 0, 0: 1, 3: 2 };

/** Which list. */
export type Dump = "links" | "addresses" | "routes";

const DUMPS: Readonly<Record<Dump, readonly [type: number, size: number]>> = {
  links: [RTM_GETLINK, LINK_SIZE],
  addresses: [RTM_GETADDR, ADDRESS_SIZE],
  routes: [RTM_GETROUTE, ROUTE_SIZE],
};

/** An adapter. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `ARPHRD_*`: 1 is Ethernet, 772 loopback. */
  readonly hardware: number;
  readonly mac: readonly number[];
  readonly isUp: boolean;
  /** What kind of software it is, as `bridge`, `veth`; null for hardware. */
  readonly kind: string | null;
}

/** An address of an adapter. */
export interface LinkAddress {
  readonly index: number;
  readonly address: string;
  readonly prefix: number;
  /** Whether it has no end; one from DHCP or router advertisements has one. */
  readonly isPermanent: boolean;
  readonly isTemporary: boolean;
  /** `IFAPROT_*`: 2 is from a router advertisement, 3 the adapter's own link-local one, 0 is not known. */
  readonly source: number;
}

/** A route by which packets may leave for any address, or for one that was asked for. */
export interface Route {
  readonly family: "ipv4" | "ipv6";
  /** Whether it is for every address that has no other route; else it is for a single one. */
  readonly isDefault: boolean;
  /** Of the adapter. */
  readonly index: number;
  readonly gateway: string | null;
  /** This machine's address on that way, where the kernel names one. */
  readonly source: string | null;
  readonly metric: number;
  /** RFC 4191's preference, 0 the highest. */
  readonly preference: number;
}

/** The request for a list. */
export function encodeDump(dump: Dump, sequence: number): Uint8Array<ArrayBuffer> {
  const [type, size] = DUMPS[dump];
  return messageOf(type, NLM_F_REQUEST | NLM_F_DUMP, { sequence, size }).bytes;
}

/** The request for the route to an address. @throws {TypeError} when the text is no address. */
export function encodeRouteTo(address: string, sequence: number): Uint8Array<ArrayBuffer> {
  const target = addressBytes(address);
  if (target === undefined) throw new TypeError(`Cannot find a route to ${address}: it is not an IP address`);
  const size = ROUTE_SIZE + 4 + target.length;
  const { bytes, view } = messageOf(RTM_GETROUTE, NLM_F_REQUEST, { sequence, size });
  view.setUint8(HEADER_SIZE, target.length === 4 ? AF_INET : AF_INET6);
  view.setUint8(HEADER_SIZE + 1, target.length * 8);
  view.setUint16(HEADER_SIZE + ROUTE_SIZE, 4 + target.length, true);
  view.setUint16(HEADER_SIZE + ROUTE_SIZE + 2, RTA_DST, true);
  bytes.set(target, HEADER_SIZE + ROUTE_SIZE + 4);
  return bytes;
}

function messageOf(type: number, flags: number, { sequence, size }: { sequence: number; size: number }) {
  const bytes = new Uint8Array(HEADER_SIZE + size), view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  return { bytes, view };
}

/** One datagram of an answer. */
export interface RouteReply {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly Route[];
  /** Whether it was the last of a list. */
  readonly isDone: boolean;
  /** Whether the list changed while the kernel made it: it may have gaps. */
  readonly isTorn: boolean;
  /** The error number when the kernel refuses; 0 when it does not. */
  readonly error: number;
}

/** Reads one datagram. Messages of other sequences are skipped: they answer an earlier request that timed out. */
export function parseRouteReply(bytes: Uint8Array, sequence: number): RouteReply {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const links: Link[] = [], addresses: LinkAddress[] = [], routes: Route[] = [];
  let isTorn = false;
  const end = (isDone: boolean, error = 0): RouteReply => ({ links, addresses, routes, isDone, isTorn, error });
  for (let at = 0; at + HEADER_SIZE <= bytes.length;) {
    const length = view.getUint32(at, true), type = view.getUint16(at + 4, true);
    if (length < HEADER_SIZE || at + length > bytes.length) break;
    if (view.getUint32(at + 8, true) === sequence) {
      isTorn ||= (view.getUint16(at + 6, true) & NLM_F_DUMP_INTR) !== 0;
      if (type === NLMSG_DONE) return end(true);
      if (type === NLMSG_ERROR) return end(true, length < HEADER_SIZE + 4 ? 0 : -view.getInt32(at + HEADER_SIZE, true));
      const body = bytes.subarray(at + HEADER_SIZE, at + length);
      if (type === RTM_NEWLINK && body.length >= LINK_SIZE) links.push(readLink(body));
      if (type === RTM_NEWADDR && body.length >= ADDRESS_SIZE) addresses.push(...readAddress(body));
      if (type === RTM_NEWROUTE && body.length >= ROUTE_SIZE) routes.push(...readRoute(body));
    }
    at += (length + 3) & ~3;
  }
  return end(false);
}

function readLink(body: Uint8Array): Link {
  const view = viewOf(body), found = attributes(body.subarray(LINK_SIZE));
  const flags = view.getUint32(8, true);
  const kind = attributes(found.get(IFLA_LINKINFO) ?? NOTHING).get(IFLA_INFO_KIND);
  return {
    index: view.getInt32(4, true),
    name: textOf(found.get(IFLA_IFNAME) ?? NOTHING),
    hardware: view.getUint16(2, true),
    mac: [...found.get(IFLA_ADDRESS) ?? NOTHING],
    isUp: (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0,
    kind: kind === undefined ? null : textOf(kind),
  };
}

function readAddress(body: Uint8Array): LinkAddress[] {
  const view = viewOf(body), found = attributes(body.subarray(ADDRESS_SIZE));
  // Of an end of a tunnel IFA_ADDRESS is the other end.
  const address = addressOf(found.get(IFA_LOCAL) ?? found.get(IFA_ADDRESS), view.getUint8(0));
  if (address === null) return [];
  const flags = numberOf(found.get(IFA_FLAGS)) ?? view.getUint8(2);
  const lifetime = found.get(IFA_CACHEINFO); // struct ifa_cacheinfo: preferred, then valid, in seconds
  const isEndless = lifetime === undefined || lifetime.length < 8 || viewOf(lifetime).getUint32(4, true) === 0xffffffff;
  return [{
    index: view.getUint32(4, true),
    address,
    prefix: view.getUint8(1),
    isPermanent: (flags & IFA_F_PERMANENT) !== 0 && isEndless,
    isTemporary: view.getUint8(0) === AF_INET6 && (flags & IFA_F_TEMPORARY) !== 0,
    source: found.get(IFA_PROTO)?.[0] ?? 0,
  }];
}

/** The ways of a default route, or of one to a single address; of every other one none. */
function readRoute(body: Uint8Array): Route[] {
  const view = viewOf(body), found = attributes(body.subarray(ROUTE_SIZE));
  const family = view.getUint8(0), bits = view.getUint8(1), table = numberOf(found.get(RTA_TABLE)) ?? view.getUint8(4);
  const isWanted = bits === 0 ? table === RT_TABLE_MAIN : bits === ADDRESS_BITS[family];
  const isGone = (view.getUint32(8, true) & RTNH_F_DEAD) !== 0;
  if (view.getUint8(7) !== RTN_UNICAST || ADDRESS_BITS[family] === undefined || !isWanted || isGone) return [];
  const common = {
    family: family === AF_INET ? "ipv4" : "ipv6",
    isDefault: bits === 0,
    source: addressOf(found.get(RTA_PREFSRC), family),
    metric: numberOf(found.get(RTA_PRIORITY)) ?? 0,
    preference: PREFERENCE[found.get(RTA_PREF)?.[0] ?? 0] ?? 1,
  } as const;
  const index = numberOf(found.get(RTA_OIF));
  const single = index === undefined ? [] : [{ index, gateway: gatewayOf(found, family) }];
  return [...single, ...nextHops(found.get(RTA_MULTIPATH) ?? NOTHING, family)].map((hop) => ({ ...common, ...hop }));
}

/** `struct rtnexthop` after `struct rtnexthop`, each with attributes. */
function* nextHops(bytes: Uint8Array, family: number): Generator<Pick<Route, "index" | "gateway">> {
  for (let at = 0; at + NEXT_HOP_SIZE <= bytes.length;) {
    const view = viewOf(bytes.subarray(at)), length = view.getUint16(0, true);
    if (length < NEXT_HOP_SIZE || at + length > bytes.length) return;
    const found = attributes(bytes.subarray(at + NEXT_HOP_SIZE, at + length));
    if ((view.getUint8(2) & RTNH_F_DEAD) === 0) {
      yield { index: view.getInt32(4, true), gateway: gatewayOf(found, family) };
    }
    at += (length + 3) & ~3;
  }
}

/** A route of IPv4 may lead over a router with an IPv6 address (`struct rtvia`, RFC 5549). */
function gatewayOf(found: ReadonlyMap<number, Uint8Array>, family: number): string | null {
  const via = found.get(RTA_VIA);
  if (via === undefined || via.length < 2) return addressOf(found.get(RTA_GATEWAY), family);
  return addressOf(via.subarray(2), viewOf(via).getUint16(0, true));
}

const NOTHING = new Uint8Array();

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `struct rtattr` after `struct rtattr`, by type. */
function attributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>(), view = viewOf(bytes);
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return found;
}

function numberOf(bytes: Uint8Array | undefined): number | undefined {
  return bytes === undefined || bytes.length < 4 ? undefined : viewOf(bytes).getUint32(0, true);
}

function addressOf(bytes: Uint8Array | undefined, family: number): string | null {
  const size = family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0;
  return bytes === undefined || size === 0 || bytes.length !== size ? null : addressText(bytes);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\0.*$/s, "");
}
