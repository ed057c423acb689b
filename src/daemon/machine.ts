/** What the domain asks of the operating system, and the parts of this machine that answer. */
import type { NetworkReader } from "../adapters/adapters.ts";
import type { ConnectionUsers } from "../caller/caller.ts";
import { openConnectionUsers } from "../caller/open.ts";
import type { Clock } from "../clock.ts";
import type { FirewallBackend } from "../firewall/backend.ts";
import type { OpenFirewallOptions } from "../firewall/open.ts";
import type { GatewaySearch, OpenOptions } from "../gateway/open.ts";
import type { Holds } from "../hold/hold.ts";
import { openHolds } from "../hold/open.ts";
import { type FindUnused, unusedByProbe, unusedByScan } from "../lease/suggestion.ts";
import type { lookByStun } from "../line/stun/sample.ts";
import type { Scanner } from "../listener/listener.ts";
import { openScanner } from "../listener/open.ts";
import { shortTurns } from "../os/linux/libc.ts";
import { openLinuxParts } from "../os/linux/linux.ts";
import { readWsl, type Wsl } from "../os/linux/wsl.ts";
import { LivePortRules, type PortRules, steadyRules } from "../os/port_rules.ts";
import { mayBindPrivileged, readOsPorts, WINDOWS_PORTS } from "../os/ports.ts";
import { Turns } from "../os/turns.ts";
import { openProcesses } from "../process/open.ts";
import type { Processes } from "../process/process.ts";

/** What the domain asks of the operating system. */
export interface Machine {
  readonly holds: Holds;
  readonly processes: Processes;
  readonly scanner: Scanner;
  readonly users: ConnectionUsers;
  /** What the system does with port numbers. Waits for no tool that may hang. */
  readonly openPortRules: (clock: Clock) => Promise<PortRules>;
  /** Whether this process may listen on the ports that take rights. */
  readonly hasRights: boolean;
  /** What WSL it is; `undefined` where it is none. */
  readonly wsl: Wsl | undefined;
  readonly findUnused: FindUnused;
  readonly turns: () => Turns;
  readonly openFirewall: (options: OpenFirewallOptions) => Promise<FirewallBackend>;
  /** The adapters and their addresses; opened when it is first read. */
  readonly network: NetworkReader;
  /** Looks for the router of a way to the internet. */
  readonly openGateway: (options: OpenOptions) => Promise<GatewaySearch>;
  /** Asks servers on the internet. */
  readonly lookByStun: typeof lookByStun;
}

/** This machine. */
export function openMachine(): Machine {
  const linux = Deno.build.os === "linux" ? openLinuxParts() : undefined;
  const read = () => readOsPorts(linux?.procfs);
  let live: LivePortRules | undefined, network: NetworkReader | undefined;
  const holds = openHolds(linux, () => live?.refresh()), scanner = openScanner(linux, holds);
  return {
    holds,
    scanner,
    processes: openProcesses(linux?.procfs),
    users: openConnectionUsers(linux, scanner),
    async openPortRules(clock) {
      if (Deno.build.os !== "windows") return steadyRules(await read(), read);
      return live = new LivePortRules({ clock, read, initial: WINDOWS_PORTS });
    },
    hasRights: mayBindPrivileged(linux?.procfs),
    wsl: linux && readWsl(linux.procfs),
    findUnused: Deno.build.os === "darwin" ? unusedByProbe(holds) : unusedByScan(scanner),
    turns: () => linux === undefined ? new Turns() : shortTurns(linux.libc),
    async openFirewall(options) {
      const { openFirewall }: typeof import("../firewall/open.ts") = await load("firewall");
      return await openFirewall(options);
    },
    network: {
      async read() {
        const { openNetworkReader }: typeof import("../adapters/open.ts") = await load("network");
        return await (network ??= openNetworkReader()).read();
      },
    },
    async openGateway(options) {
      const { openGateway }: typeof import("../gateway/open.ts") = await load("gateway");
      return await openGateway(options);
    },
    async lookByStun(servers, options) {
      const { lookByStun }: typeof import("../line/stun/sample.ts") = await load("stun");
      return await lookByStun(servers, options);
    },
  };
}

/** Most daemons open no port; main.ts says why the import chooses. */
function load(part: "firewall" | "network" | "gateway" | "stun") {
  return import(
    part === "firewall"
      ? "../firewall/open.ts"
      : part === "network"
      ? "../adapters/open.ts"
      : part === "gateway"
      ? "../gateway/open.ts"
      : "../line/stun/sample.ts"
  );
}
