/** The router's description of itself: which services it has, and where. UPnP Device Architecture 2.0 section 2. */
import { escapeControls } from "../../escape.ts";
import { GatewayError } from "../gateway.ts";
import { exchange, type ExchangeOptions, hostOf, type Target } from "./http.ts";
import type { HttpResponse } from "./http_response.ts";
import { type Home, resolveOnRouter } from "./place.ts";
import { child, parseXml, type XmlElement } from "./xml.ts";

/** Services that forward ports, in the order in which they are tried. */
export const CONNECTION_TYPES = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
] as const;

/** The service that makes pinholes. */
export const FIREWALL_TYPE = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1";

const SERVICE_TYPES = [...CONNECTION_TYPES, FIREWALL_TYPE] as const;

/** A type of service that portd speaks to. */
export type ServiceType = (typeof SERVICE_TYPES)[number];

/** A service of the router. */
export interface Service {
  readonly type: ServiceType;
  /** Where its actions are called. */
  readonly control: Target;
}

/** What is wanted of a description. */
export interface Description {
  /** What the router calls itself: at most 64 characters, without controls. */
  readonly name: string | null;
  /** The services of {@linkcode ServiceType}, in the order of their types, then in that of the description; at most 16. */
  readonly services: readonly Service[];
}

const MOST_SERVICES = 16;

/** The most characters of a name. */
const LONGEST_NAME = 64;

/**
 * Fetches a description: at most 256 KB, within the time of {@linkcode exchange}, and from nowhere else.
 *
 * @throws {GatewayError}
 * @throws the signal's reason.
 */
export async function fetchDescription(target: Target, home: Home, options: ExchangeOptions): Promise<Description> {
  const response = await exchange({ target, method: "GET" }, options);
  return readDescription(textOf(response, target), target, home);
}

function textOf({ status, contentType, body }: HttpResponse, target: Target): string {
  const where = `http://${hostOf(target)}${target.path}`;
  if (status !== 200) throw unusable(`${where} answers with the HTTP status ${status}`);
  // Routers call it many things; a page for people is what nobody should take for it.
  if (!/^$|xml|^text\/plain$|^application\/octet-stream$/.test(contentType)) {
    throw unusable(`${where} answers with ${escapeControls(contentType).slice(0, 64)} in the place of XML`);
  }
  return new TextDecoder().decode(body);
}

/**
 * Reads a description. Total.
 *
 * @param target is where it was fetched, to which relative addresses belong.
 * @throws {GatewayError} where it is no description.
 */
export function readDescription(text: string, target: Target, home: Home): Description {
  const root = parseXml(text);
  const device = root.name === "root" ? child(root, "device") : undefined;
  if (device === undefined) throw unusable("it describes no device");
  const base = baseOf(root, target, home);
  const services: Service[] = [];
  for (const service of servicesOf(device)) {
    const read = readService(service, base, home);
    if (read !== undefined && services.length < MOST_SERVICES) services.push(read);
  }
  services.sort((a, b) => SERVICE_TYPES.indexOf(a.type) - SERVICE_TYPES.indexOf(b.type));
  return { name: nameOf(device), services };
}

/** Where relative addresses begin. URLBase (UPnP 1.0) counts where it is the router's; others are of no harm unused. */
function baseOf(root: XmlElement, target: Target, home: Home): Target {
  const text = child(root, "URLBase")?.text ?? "";
  return (text === "" ? undefined : resolveOnRouter(text, target, home)) ?? target;
}

/** The services of a device and of the devices in it. */
function* servicesOf(device: XmlElement): Generator<XmlElement> {
  yield* named(child(device, "serviceList"), "service");
  for (const inner of named(child(device, "deviceList"), "device")) yield* servicesOf(inner);
}

function named(parent: XmlElement | undefined, name: string): readonly XmlElement[] {
  return parent?.children.filter((element) => element.name === name) ?? [];
}

function readService(service: XmlElement, base: Target, home: Home): Service | undefined {
  const type = SERVICE_TYPES.find((wanted) => wanted === child(service, "serviceType")?.text);
  const url = child(service, "controlURL")?.text ?? "";
  const control = type === undefined || url === "" ? undefined : resolveOnRouter(url, base, home);
  return type === undefined || control === undefined ? undefined : { type, control };
}

function nameOf(device: XmlElement): string | null {
  const text = child(device, "friendlyName")?.text ?? "";
  const name = escapeControls([...text].slice(0, LONGEST_NAME).join("")).slice(0, LONGEST_NAME).trim();
  return name === "" ? null : name;
}

function unusable(why: string): GatewayError {
  return new GatewayError("failed", `Cannot use the UPnP description of the router: ${why}`);
}
