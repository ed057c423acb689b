/** The ephemeral range, read from the OS. */
import { type PortRange, rangeOf } from "../port/port.ts";
import type { Procfs } from "./linux/procfs.ts";
import { outputOf } from "./program.ts";
import { readNetsh } from "./windows/netsh.ts";

/** What IANA (RFC 6335) calls dynamic ports; the default of Windows and macOS. */
const DYNAMIC_PORTS: PortRange = { first: 49152, last: 65535 };
const TIMEOUT_MS = 60_000;

/** The ports that this OS hands out by itself. @param procfs is there on Linux. */
export async function readEphemeralRange(procfs: Procfs | undefined): Promise<PortRange> {
  if (procfs !== undefined) {
    return parseFirstAndLast(procfs.read("/proc/sys/net/ipv4/ip_local_port_range") ?? "") ?? DYNAMIC_PORTS;
  }
  if (Deno.build.os === "darwin") {
    const names = ["net.inet.ip.portrange.first", "net.inet.ip.portrange.last"];
    const options = { timeoutMs: TIMEOUT_MS, intent: "read the ephemeral range" };
    return parseFirstAndLast(await outputOf(["/usr/sbin/sysctl"], ["-n", ...names], options)) ?? DYNAMIC_PORTS;
  }
  if (Deno.build.os === "windows") {
    return parseStartAndCount(await readNetsh("int", "ipv4", "show", "dynamicport", "tcp")) ?? DYNAMIC_PORTS;
  }
  return DYNAMIC_PORTS;
}

/** Two numbers: the first and the last port. */
export function parseFirstAndLast(text: string): PortRange | undefined {
  const [first, last] = text.match(/\d+/g)?.map(Number) ?? [];
  return first !== undefined && last !== undefined ? rangeOf(first, last) : undefined;
}

/** netsh's two numbers: the first port and how many; the localised words are not read. */
export function parseStartAndCount(text: string): PortRange | undefined {
  const [first, count] = text.match(/(?<=:\s*)\d+/g)?.map(Number) ?? [];
  return first !== undefined && count !== undefined ? rangeOf(first, first + count - 1) : undefined;
}
