/** This OS's own rules for port numbers. */
import { type PortRange, type Protocol, PROTOCOLS, rangeOf, rangeText, readPortOrRange } from "../port/port.ts";
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
  /** The ports that it hands out by itself; on Windows those for TCP over IPv4. */
  readonly ephemeral: PortRange;
  /** Where Windows has other ranges for UDP or IPv6, these too. @default none */
  readonly otherEphemeral?: readonly PortRange[];
  /** The ports of that range that it does not hand out, as an administrator has set; programs may ask for them. */
  readonly reserved: readonly PortRange[];
  /** The ports that it gives to nobody (Windows: Hyper-V, WinNAT and others have them). */
  readonly excluded: readonly (PortRange & { readonly protocol: Protocol })[];
  /** Below this port listening takes an administrator's rights. */
  readonly unprivilegedFrom: number;
  /** The process in whose name drivers of the system listen (Windows: HTTP.sys and others); absent where there is none. */
  readonly kernelPid?: number;
  /** Ports that are free for programs, but not for all of them: MsQuic cannot bind those in `*` ranges. @default none */
  readonly avoided?: readonly PortRange[];
  /** What could not be read, a sentence each. @default none */
  readonly warnings?: readonly string[];
}

/** Every range from which the OS hands out ports by itself. */
export function ephemeralRanges({ ephemeral, otherEphemeral = [] }: EphemeralPorts): readonly PortRange[] {
  return [ephemeral, ...otherEphemeral];
}

/** The part of {@linkcode OsPorts} about the ports that it hands out by itself. */
export type EphemeralPorts = Pick<OsPorts, "ephemeral" | "otherEphemeral">;

/** The process `System` of Windows. */
const SYSTEM_PID = 4;

const FIRST_UNPRIVILEGED_PORT = 1024;
/** What IANA (RFC 6335) calls dynamic ports; the default of Windows and macOS. */
const DYNAMIC_PORTS: PortRange = { first: 49152, last: 65535 };
const TIMEOUT_MS = 60_000;
const FAMILIES = ["ipv4", "ipv6"] as const;

/** What is taken for true of a Windows whose rules have not been read yet. */
export const WINDOWS_PORTS: OsPorts = {
  ephemeral: DYNAMIC_PORTS,
  reserved: [],
  excluded: [],
  unprivilegedFrom: 0,
  kernelPid: SYSTEM_PID,
};

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
    const [ephemeral, excluded] = await Promise.all([readWindowsEphemeral(), readWindowsRanges()]);
    return { ...WINDOWS_PORTS, ...ephemeral, ...excluded };
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

/** netsh's two numbers, the last of a line each: the first port and how many; the localised words are not read. */
export function parseStartAndCount(text: string): PortRange | undefined {
  const numbers = text.split(/\r?\n/).flatMap((line) => /(\d+)\s*$/.exec(line)?.[1] ?? []).map(Number);
  const [first, count] = numbers;
  return numbers.length === 2 ? rangeOf(first!, first! + count! - 1) : undefined;
}

/** The ephemeral ranges of both families and protocols. */
async function readWindowsEphemeral(): Promise<EphemeralPorts & Pick<OsPorts, "warnings">> {
  const ranges = PROTOCOLS.flatMap((protocol) =>
    FAMILIES.map(async (family) => {
      const text = await readNetsh("int", family, "show", "dynamicport", protocol);
      return { name: `${protocol} over ${family}`, range: parseStartAndCount(text) };
    })
  );
  return joinEphemeral(await Promise.all(ranges));
}

/** The ranges as {@linkcode OsPorts} has them, the first one first. It warns of those that are not known. */
export function joinEphemeral(
  read: readonly { readonly name: string; readonly range: PortRange | undefined }[],
): EphemeralPorts & Pick<OsPorts, "warnings"> {
  const unread = read.filter(({ range }) => range === undefined).map(({ name }) => name);
  const ranges = read.map(({ range = DYNAMIC_PORTS }) => range);
  const [ephemeral, ...otherEphemeral] = [...new Map(ranges.map((range) => [rangeText(range), range])).values()];
  const warning = `the ports that Windows hands out by itself are not known for ${unread.join(", ")}: ` +
    `${rangeText(DYNAMIC_PORTS)} is assumed; netsh int ipv4 show dynamicport tcp shows them`;
  return { ephemeral: ephemeral!, otherEphemeral, ...(unread.length > 0 && { warnings: [warning] }) };
}

async function readWindowsRanges(): Promise<Pick<OsPorts, "reserved" | "excluded" | "avoided">> {
  const tables = await Promise.all(
    PROTOCOLS.flatMap((protocol) =>
      FAMILIES.map(async (family) => {
        const text = await readNetsh("int", family, "show", "excludedportrange", `protocol=${protocol}`);
        return parseExcludedRanges(text).map((range) => ({ ...range, protocol }));
      })
    ),
  );
  const ranges = new Map(tables.flat().map((range) => [`${range.protocol} ${range.first} ${range.last}`, range]));
  const reserved = [...ranges.values()].filter(({ administered }) => administered);
  return { reserved, excluded: [...ranges.values()].filter(({ administered }) => !administered), avoided: reserved };
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
