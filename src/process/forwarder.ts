/**
 * Programs that listen for a container: the server of such a port runs inside the container. They are recognised by the
 * name of their program only. Pure. Manuals: docker-proxy's own `-help`, rootlesskit(1), passt(1).
 */
import type { SocketAddress } from "../os/socket.ts";
import { type Endpoint, readPort } from "../port/port.ts";

/** A program that listens for a container. */
export interface Forwarder {
  /** Name of the program: `docker-proxy`, `rootlessport`… */
  readonly program: string;
  /** Where it forwards to; null where that cannot be read. */
  readonly target: SocketAddress | null;
}

/** A local end of a socket. */
export interface LocalEndpoint extends Endpoint {
  readonly address: string;
}

type Target = Forwarder["target"];

/** Reads from the arguments of the program where it forwards the port of a socket to. */
type TargetReader = (words: readonly string[], endpoint: LocalEndpoint) => Target;

/** For programs that get their ports over a pipe, a socket or an API, after their start. */
const unknownTarget: TargetReader = () => null;

/** The address where only the port inside the container is known. */
const INSIDE_CONTAINER = "localhost";

const TARGETS: ReadonlyMap<string, TargetReader> = new Map([
  ["docker-proxy", dockerProxyTarget],
  ["rootlesskit-docker-proxy", dockerProxyTarget],
  ["rootlesskit", rootlesskitTarget],
  ["pasta", pastaTarget],
  ["passt", pastaTarget],
  ["rootlessport", unknownTarget], // Podman; its child is the end inside the container's namespace
  ["rootlessport-child", unknownTarget],
  ["slirp4netns", unknownTarget],
  ["conmon", unknownTarget], // Podman with root: keeps the ports' sockets open, the firewall forwards
  ["vpnkit", unknownTarget],
  ["com.docker.vpnkit", unknownTarget],
  ["com.docker.backend", unknownTarget],
  ["gvproxy", unknownTarget],
  ["wslrelay", unknownTarget],
  ["kube-proxy", unknownTarget],
]);

/** Whether a process is such a program; {@linkcode forwarderOf} then says where it forwards to. */
export function isForwarder({ command }: { readonly command: string | null }): boolean {
  return command !== null && TARGETS.has(nameOf(splitProgram(command)[0]));
}

/**
 * Where a process forwards an endpoint to on which it listens.
 *
 * @param process its command as one line, possibly shortened by "…" at its end.
 * @returns `undefined` for a program that listens for itself.
 */
export function forwarderOf(
  { command }: { readonly command: string | null },
  endpoint: LocalEndpoint,
): Forwarder | undefined {
  if (command === null) return undefined;
  const [path, rest] = splitProgram(command);
  const program = nameOf(path);
  const readTarget = TARGETS.get(program);
  return readTarget && { program, target: readTarget(wordsOf(rest), endpoint) };
}

/** Program and arguments: a quoted path, a Windows path that may have blanks up to its `.exe`, or one word. */
function splitProgram(command: string): readonly [path: string, rest: string] {
  const pattern = /^(?:"([^"]*)"|([a-z]:\\.*?\.exe)(?=\s|$)|(\S+))(.*)$/is;
  const [, quoted, windows, word, rest = ""] = pattern.exec(command.trim()) ?? [];
  return [quoted ?? windows ?? word ?? "", rest];
}

/** The file name without what builds append to it: `.exe`, and the instruction set of Debian's `pasta.avx2`. */
function nameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1).toLowerCase()
    .replace(/\.(exe|avx2)$/, "");
}

/** The words of a command line; one that is cut off by "…" is left out. */
function wordsOf(rest: string): readonly string[] {
  return rest.split(/\s+/).filter((word) => word !== "" && !word.endsWith("…"));
}

/** The values of an option in any usual form: `-p X`, `-pX`, `--publish X`, `--publish=X`. */
function* valuesOf(words: readonly string[], short: string, long: string): Generator<string> {
  for (const [i, word] of words.entries()) {
    const next = words[i + 1];
    if (word === short || word === long) {
      if (next !== undefined) yield next;
    } else if (word.startsWith(`${long}=`)) yield word.slice(long.length + 1);
    else if (word.startsWith(short) && !word.startsWith("--")) yield word.slice(short.length);
  }
}

/** The value of a flag of Go's `flag` package: `-name value`, `-name=value`, and both with two dashes. */
function goFlag(words: readonly string[], name: string): string | undefined {
  for (const [i, word] of words.entries()) {
    const [, flag, value] = /^--?([^=]+)(?:=(.*))?$/.exec(word) ?? [];
    if (flag === name) return value ?? words[i + 1];
  }
  return undefined;
}

/** `-proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80`; one process for each port. */
function dockerProxyTarget(words: readonly string[], { protocol, port }: LocalEndpoint): Target {
  const address = goFlag(words, "container-ip"), containerPort = portOf(goFlag(words, "container-port"));
  if ((goFlag(words, "proto") ?? "tcp") !== protocol || portOf(goFlag(words, "host-port")) !== port) return null;
  return address === undefined || containerPort === undefined ? null : { address, port: containerPort };
}

/** `-p 127.0.0.1:8080:80/tcp`, `-p 0.0.0.0:8080:10.0.2.100:80/tcp`; IPv6 addresses are in brackets. */
function rootlesskitTarget(words: readonly string[], endpoint: LocalEndpoint): Target {
  const address = String.raw`\[[^\]]*\]|[^:[\]]*`;
  const pattern = new RegExp(`^(?:(${address}):)?(\\d+):(?:(${address}):)?(\\d+)/(tcp|udp)[46]?$`);
  for (const value of valuesOf(words, "-p", "--publish")) {
    const [, host = "", hostPort, container = "", containerPort, protocol] = pattern.exec(value) ?? [];
    const port = portOf(containerPort);
    if (protocol !== endpoint.protocol || portOf(hostPort) !== endpoint.port || port === undefined) continue;
    if (isAddress(unbracketed(host), endpoint)) return { address: unbracketed(container) || INSIDE_CONTAINER, port };
  }
  return null;
}

/**
 * `-t 8080:80`, `-t 127.0.0.1%lo/8080-8090:80-90,~8085`, `-u` for UDP. `-T` and `-U` are ignored: they listen inside the
 * container for the host.
 */
function pastaTarget(words: readonly string[], endpoint: LocalEndpoint): Target {
  const [short, long] = endpoint.protocol === "tcp" ? ["-t", "--tcp-ports"] : ["-u", "--udp-ports"];
  for (const spec of valuesOf(words, short!, long!)) {
    const slash = spec.lastIndexOf("/");
    const [host = ""] = spec.slice(0, Math.max(slash, 0)).split("%");
    const port = isAddress(unbracketed(host), endpoint) ? mappedPort(spec.slice(slash + 1), endpoint.port) : undefined;
    if (port !== undefined) return { address: INSIDE_CONTAINER, port };
  }
  return null;
}

/** The port to which a list of ranges such as `22,80-90:8080-8090,~85` maps a port; `undefined` when it is not in it. */
function mappedPort(list: string, port: number): number | undefined {
  const parts = list.split(",").map((part) => /^(~?)(\d+)(?:-(\d+))?(?::(\d+)(?:-\d+)?)?$/.exec(part));
  const holding = parts.filter((part) => {
    const [first, last] = [Number(part?.[2]), Number(part?.[3] ?? part?.[2])];
    return first <= port && port <= last;
  });
  if (holding.some((part) => part![1] === "~")) return undefined;
  const [, , first, , target = first] = holding[0] ?? [];
  return first === undefined ? undefined : portOf(String(Number(target) + port - Number(first)));
}

/** Whether a forwarding is that of the socket; one that names no address is on all of them. */
function isAddress(address: string, endpoint: LocalEndpoint): boolean {
  return address === "" || address.toLowerCase() === endpoint.address;
}

function unbracketed(address: string): string {
  return address.replace(/^\[(.*)\]$/, "$1");
}

function portOf(text: string | undefined): number | undefined {
  return readPort(text ?? "");
}
