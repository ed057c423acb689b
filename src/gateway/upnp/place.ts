/**
 * Which addresses that a router names are its own: no answer may lead portd to another machine. Pure.
 */
import { addressBytes, addressText, withoutZone } from "../../os/address.ts";
import type { Family } from "../gateway.ts";
import type { Target } from "./http.ts";

/** The router of one family, and this host as it sees it. */
export interface Home {
  readonly family: Family;
  /** The router's address, with its zone where it is link-local. */
  readonly gateway: string;
  /** The address of this host from which it is spoken to. */
  readonly localAddress: string;
}

/** The longest address of a document that is read, in characters. */
const LONGEST = 1024;

/**
 * Where a router's description is, by what its search answer says.
 *
 * Over IPv4 its host must be the gateway's address. Over IPv6 routers answer from their link-local address, which is the
 * gateway's, and name their global one, which must be of the same network (/64) as this host's.
 *
 * @returns `undefined` where it is not on the router.
 */
export function readLocation(text: string, home: Home): Target | undefined {
  const url = httpUrl(text);
  const address = url === undefined ? undefined : addressOnRouter(hostBytes(url), home);
  return url === undefined || address === undefined ? undefined : { address, port: portOf(url), path: pathOf(url) };
}

/**
 * Where something is that a description names, relative to it or to its URLBase.
 *
 * @param base is where the description is: the result has its address, whatever router's address the text has.
 * @returns `undefined` where it is not on the router.
 */
export function resolveOnRouter(text: string, base: Target, home: Home): Target | undefined {
  const url = httpUrl(text, `http://placeholder.invalid:${base.port}${base.path}`);
  if (url === undefined) return undefined;
  const target = { address: base.address, port: portOf(url), path: pathOf(url) };
  if (url.hostname === "placeholder.invalid") return target;
  const bytes = hostBytes(url);
  if (isSame(bytes, addressBytes(withoutZone(base.address)))) return target;
  const isOtherFamily = home.family === "ipv6" && bytes?.length === 4; // routers write their IPv4 address there
  return isOtherFamily || addressOnRouter(bytes, home) !== undefined ? target : undefined;
}

/** Whether an address is the router's, as a datagram has it: without a zone. */
export function isGateway(address: string, { gateway }: Home): boolean {
  return isSame(addressBytes(withoutZone(address)), addressBytes(withoutZone(gateway)));
}

function addressOnRouter(bytes: readonly number[] | undefined, home: Home): string | undefined {
  if (isSame(bytes, addressBytes(withoutZone(home.gateway)))) return home.gateway;
  const local = addressBytes(home.localAddress);
  if (home.family === "ipv4" || bytes?.length !== 16 || local?.length !== 16) return undefined;
  const isOurs = isSame(bytes, local), isLinkLocal = bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
  return !isOurs && !isLinkLocal && isSame(bytes.slice(0, 8), local.slice(0, 8)) ? addressText(bytes) : undefined;
}

function httpUrl(text: string, base?: string): URL | undefined {
  if (text.length > LONGEST) return undefined;
  const url = URL.parse(text.replace(/%[^\]/]*\]/, "]"), base); // a zone, which URLs cannot have
  return url?.protocol === "http:" && url.username === "" && url.password === "" ? url : undefined;
}

function hostBytes({ hostname }: URL): readonly number[] | undefined {
  return addressBytes(hostname.replace(/^\[|\]$/g, ""));
}

function portOf({ port }: URL): number {
  return port === "" ? 80 : Number(port);
}

function pathOf({ pathname, search }: URL): string {
  return `${pathname}${search}`;
}

function isSame(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a !== undefined && a.length === b?.length && a.every((byte, i) => byte === b[i]);
}
