/**
 * The network of Linux: adapters, addresses and routes from the kernel over netlink, what configures them from files of
 * the system. Nothing is sent anywhere.
 */
import type { Libc } from "../../os/linux/libc.ts";
import type { Procfs } from "../../os/linux/procfs.ts";
import type { NetworkReader } from "../adapters.ts";
import type { NetworkSnapshot } from "./assemble.ts";
import { assemble } from "./assemble.ts";
import { type Files, readConfigured } from "./configured.ts";
import { readRoutes, type RoutingState } from "./route_socket.ts";
import type { Link } from "./rtnetlink.ts";
import { parsePairs, parseResolvConf } from "./state_files.ts";

/** Addresses of the internet that every default route leads to: a.root-servers.net. */
const FAR = ["198.41.0.4", "2001:503:ba3e::2:30"] as const;
/** A state file is some hundreds of bytes long. */
const MOST_BYTES = 1 << 20;
/** Of so many adapters the files are read; containers may bring thousands. */
const MOST_CONFIGURED = 64;
/** So many adapters are shown. */
const MOST_LINKS = 4096;

/** What the reader asks. */
export interface LinuxNetworkParts {
  readonly routes: (targets: readonly string[]) => Promise<RoutingState>;
  /** A file of `/sys`; `undefined` where it is not there. */
  readonly readSys: (path: string) => string | undefined;
  readonly files: Files;
}

/** The reader of this machine. */
export function linuxNetworkReader({ libc, procfs }: { readonly libc: Libc; readonly procfs: Procfs }): NetworkReader {
  return networkReaderOver({
    routes: (targets) => readRoutes(libc, targets),
    readSys: (path) => procfs.read(path),
    files: { read: readText, list: listFolder },
  });
}

/** A reader over parts of the system. */
export function networkReaderOver(parts: LinuxNetworkParts): NetworkReader {
  return { read: async () => assemble(await takeSnapshot(parts)) };
}

async function takeSnapshot({ routes, readSys, files }: LinuxNetworkParts): Promise<NetworkSnapshot> {
  const found = await routes(FAR);
  const state = { ...found, links: mostUseful(found) };
  const addresses = Map.groupBy(state.addresses, ({ index }) => index);
  const configured: NetworkSnapshot["configured"] = new Map();
  for (const link of state.links.filter(({ index }) => addresses.has(index)).slice(0, MOST_CONFIGURED)) {
    configured.set(link.index, await readConfigured(files, link, addresses.get(link.index)!));
  }
  // An adapter of a kind is software: only of the others /sys has to be asked.
  const unknown = state.links.filter(({ kind }) => kind === null).slice(0, MOST_CONFIGURED);
  const hardware = new Map(unknown.map((link) => [link.index, hardwareOf(link, readSys)]));
  return { ...state, configured, hardware, dns: await nameServers(files) };
}

/** All adapters; of very many those with default routes and addresses first, and the rest is left out. */
function mostUseful({ links, addresses, defaults }: RoutingState): readonly Link[] {
  if (links.length <= MOST_LINKS) return links;
  const routed = new Set(defaults.map(({ index }) => index)), addressed = new Set(addresses.map(({ index }) => index));
  const rankOf = ({ index }: Link) => routed.has(index) ? 0 : addressed.has(index) ? 1 : 2;
  return links.toSorted((a, b) => rankOf(a) - rankOf(b)).slice(0, MOST_LINKS).sort((a, b) => a.index - b.index);
}

/** What `/sys` says of an adapter; it may show the adapters of another network namespace. */
function hardwareOf(
  { name, index }: { readonly name: string; readonly index: number },
  readSys: LinuxNetworkParts["readSys"],
): NetworkSnapshot["hardware"] extends ReadonlyMap<number, infer Value> ? Value : never {
  const folder = `/sys/class/net/${name}`;
  const event = parsePairs(readSys(`${folder}/uevent`) ?? "");
  if (event.get("IFINDEX") !== String(index)) return { isKnown: false, hasDevice: false, type: null };
  return {
    isKnown: true,
    hasDevice: readSys(`${folder}/device/uevent`) !== undefined,
    type: event.get("DEVTYPE") ?? null,
  };
}

/** Local forwarders that say elsewhere whom they ask: their address, and where the servers behind them stand. */
const STUBS: readonly (readonly [addresses: readonly string[], path: string])[] = [
  [["127.0.0.53", "127.0.0.54"], "/run/systemd/resolve/resolv.conf"],
  [["127.0.0.1", "127.0.1.1"], "/run/NetworkManager/no-stub-resolv.conf"],
];

/** The name servers of the machine; of a local forwarder those behind it, where a file says which. */
async function nameServers(files: Files): Promise<readonly string[]> {
  const servers = parseResolvConf(await files.read("/etc/resolv.conf") ?? "");
  for (const [addresses, path] of STUBS) {
    if (servers.length === 0 || !servers.every((server) => addresses.includes(server))) continue;
    const behind = parseResolvConf(await files.read(path) ?? "");
    if (behind.length > 0) return behind;
  }
  return servers;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    if (!isFile || size > MOST_BYTES) return undefined;
    return await new Response(file.readable).text();
  } catch (error) {
    return absent(error);
  }
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(path));
    return entries.map(({ name }) => name).sort();
  } catch (error) {
    return absent(error) ?? [];
  }
}

/** `undefined` for what is not there or may not be read. @throws any other error. */
function absent(error: unknown): undefined {
  const { NotFound, PermissionDenied, NotADirectory } = Deno.errors;
  if (error instanceof NotFound || error instanceof PermissionDenied || error instanceof NotADirectory) {
    return undefined;
  }
  throw error;
}
