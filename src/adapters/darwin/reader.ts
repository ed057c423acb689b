/** The network of macOS, by the system's own tools. Nothing is sent anywhere. */
import { type Program, ProgramError, runProgram } from "../../os/program.ts";
import type { NetworkReader } from "../adapters.ts";
import { assemble, leasable } from "./assemble.ts";

/** Addresses of the internet that every default route leads to: a.root-servers.net. */
const FAR = { ipv4: "198.41.0.4", ipv6: "2001:503:ba3e::2:30" } as const;
const LIMIT_MS = 10_000;
/** Of so many adapters the lease is asked for. */
const MOST_LEASES = 16;

/** What a tool prints; empty where it is missing, fails, or takes too long. */
export type AskTool = (program: Program, args: readonly string[]) => Promise<string>;

/** The reader of this machine. @param ask is for tests. */
export function darwinNetworkReader(ask: AskTool = askTool): NetworkReader {
  return {
    async read() {
      const route = (family: "-inet" | "-inet6", target: string) => ask(["/sbin/route"], ["-n", "get", family, target]);
      const [ifconfig, netstat, ipv4, ipv6, dns, nwi, services] = await Promise.all([
        ask(["/sbin/ifconfig"], ["-a", "-v"]),
        ask(["/usr/sbin/netstat"], ["-rn"]),
        route("-inet", FAR.ipv4),
        route("-inet6", FAR.ipv6),
        ask(["/usr/sbin/scutil"], ["--dns"]),
        ask(["/usr/sbin/scutil"], ["--nwi"]),
        ask(["/usr/sbin/networksetup"], ["-listnetworkserviceorder"]),
      ]);
      if (ifconfig === "") throw new Error("Cannot read the network: ifconfig prints nothing");
      const names = leasable(ifconfig).slice(0, MOST_LEASES);
      const packets = await Promise.all(names.map((name) => ask(["/usr/sbin/ipconfig"], ["getpacket", name])));
      return assemble({
        ifconfig,
        netstat,
        route: { ipv4, ipv6 },
        dns,
        nwi,
        services,
        packets: new Map(names.map((name, i) => [name, packets[i]!])),
      });
    },
  };
}

/** A tool without an answer leaves a gap in the facts; only without ifconfig there are none. */
async function askTool(program: Program, args: readonly string[]): Promise<string> {
  try {
    const { code, stdout } = await runProgram(program, args, { timeoutMs: LIMIT_MS, intent: "read the network" });
    return code === 0 ? stdout : "";
  } catch (error) {
    if (error instanceof ProgramError) return "";
    throw error;
  }
}
