/** This OS's own rules for port numbers. */
import { type PortRange, type Protocol, PROTOCOLS, rangeOf, readPortOrRange } from "../port/port.ts";
import type { Procfs } from "./linux/procfs.ts";
import { outputOf } from "./program.ts";
import { readNetsh } from "./windows/netsh.ts";

/** `CAP_NET_BIND_SERVICE` of Linux, as a bit of the line `CapEff` of `/proc/self/status`; capabilities(7). */
const CAP_NET_BIND_SERVICE = 1n << 10n;

/** Whether this process may listen on ports below {@linkcode OsPorts.unprivilegedFrom}. @param procfs is there on Linux. */
export function mayBindPrivileged(procfs: Pick<Procfs, "read"> | undefined): boolean {
  if (procfs === undefined) return Deno.build.os === "windows" || Deno.uid() === 0;
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(procfs.read("/proc/self/status") ?? "") ?? [];
  return effective !== undefined && (BigInt(`0x${effective}`) & CAP_NET_BIND_SERVICE) !== 0n;
}

/** What the OS does with port numbers. */
export interface OsPorts {
  /** The ports that it hands out by itself. */
  readonly ephemeral: PortRange;
  /** The ports of that range that it does not hand out, as an administrator has set; programs may ask for them. */
  readonly reserved: readonly PortRange[];
  /** The ports that it gives to nobody (Windows: Hyper-V, WinNAT and others have them). */
  readonly excluded: readonly (PortRange & { readonly protocol: Protocol })[];
  /** Below this port listening takes an administrator's rights. */
  readonly unprivilegedFrom: number;
  /** The process in whose name drivers of the system listen (Windows: HTTP.sys and others); absent where there is none. */
  readonly kernelPid?: number;
}

/** The process `System` of Windows. */
const SYSTEM_PID = 4;

const FIRST_UNPRIVILEGED_PORT = 1024;
/** What IANA (RFC 6335) calls dynamic ports; the default of Windows and macOS. */
const DYNAMIC_PORTS: PortRange = { first: 49152, last: 65535 };
const TIMEOUT_MS = 60_000;

/** Reads these rules. @param procfs is there on Linux. */
export async function readOsPorts(procfs: Procfs | undefined): Promise<OsPorts> {
  if (procfs !== undefined) {
    const read = (name: string) => procfs.read(`/proc/sys/net/ipv4/${name}`) ?? "";
    const start = parseInt(read("ip_unprivileged_port_start"));
    return {
      ephemeral: parseFirstAndLast(read("ip_local_port_range")) ?? DYNAMIC_PORTS,
      reserved: parsePortList(read("ip_local_reserved_ports")),
      excluded: [],
      unprivilegedFrom: Number.isNaN(start) ? FIRST_UNPRIVILEGED_PORT : start,
    };
  }
  if (Deno.build.os === "windows") {
    const range = parseStartAndCount(await readNetsh("int", "ipv4", "show", "dynamicport", "tcp"));
    return {
      ephemeral: range ?? DYNAMIC_PORTS,
      ...await readWindowsRanges(),
      unprivilegedFrom: 0,
      kernelPid: SYSTEM_PID,
    };
  }
  const range = Deno.build.os === "darwin" ? parseFirstAndLast(await readDarwinRange()) : undefined;
  const ephemeral = range ?? DYNAMIC_PORTS;
  return { ephemeral, reserved: [], excluded: [], unprivilegedFrom: FIRST_UNPRIVILEGED_PORT };
}

async function readDarwinRange(): Promise<string> {
  const names = ["net.inet.ip.portrange.first", "net.inet.ip.portrange.last"];
  const options = { timeoutMs: TIMEOUT_MS, intent: "read the ephemeral range" };
  return await outputOf(["/usr/sbin/sysctl"], ["-n", ...names], options);
}

/** Two numbers: the first and the last port. */
export function parseFirstAndLast(text: string): PortRange | undefined {
  const [first, last] = text.match(/\d+/g)?.map(Number) ?? [];
  return rangeOf(Number(first), Number(last));
}

/** netsh's two numbers: the first port and how many; the localised words are not read. */
export function parseStartAndCount(text: string): PortRange | undefined {
  const [first, count] = text.match(/(?<=:\s*)\d+/g)?.map(Number) ?? [];
  return rangeOf(Number(first), Number(first) + Number(count) - 1);
}

async function readWindowsRanges(): Promise<Pick<OsPorts, "reserved" | "excluded">> {
  const tables = await Promise.all(
    PROTOCOLS.flatMap((protocol) =>
      ["ipv4", "ipv6"].map(async (family) => {
        const text = await readNetsh("int", family, "show", "excludedportrange", `protocol=${protocol}`);
        return parseExcludedRanges(text).map((range) => ({ ...range, protocol }));
      })
    ),
  );
  const ranges = new Map(tables.flat().map((range) => [`${range.protocol} ${range.first} ${range.last}`, range]));
  return {
    reserved: [...ranges.values()].filter(({ administered }) => administered),
    excluded: [...ranges.values()].filter(({ administered }) => !administered),
  };
}

/**
 * The ranges of `netsh int ipv4 show excludedportrange`: lines with two numbers; the localised words are not read. Those
 * that an administrator has set are marked by `*`: the OS does not hand these ports out, but programs may ask for them.
 */
export function parseExcludedRanges(text: string): (PortRange & { readonly administered: boolean })[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, first, last, star] = /^\s*(\d{1,5})\s+(\d{1,5})\s*(\*?)\s*$/.exec(line) ?? [];
    const range = rangeOf(Number(first), Number(last));
    return range === undefined ? [] : [{ ...range, administered: star === "*" }];
  });
}

/** A list like `8080,9000-9010`, as in `ip_local_reserved_ports`. */
export function parsePortList(text: string): PortRange[] {
  return text.trim().split(",").flatMap((part) => readPortOrRange(part) ?? []);
}
