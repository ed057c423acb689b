/** The clients of the router's protocols against a real router, as against the router of the other tests. */
import assert from "node:assert/strict";
import type { Gateway, GatewayProtocol } from "../../../src/gateway/gateway.ts";
import { openGateway } from "../../../src/gateway/open.ts";
import type { Protocol } from "../../../src/port/port.ts";
import { pause } from "../../../src/wait.ts";
import { type ConformanceRouter, gatewayConformanceTests } from "../gateway/conformance.ts";
import { ADDRESSES, Lab, LAB_NEEDS } from "./lab.ts";
import type { RouterOptions } from "./lab/router.ts";
import { osTest } from "./requirement.ts";
import { runTool } from "./tool.ts";

/** miniupnpd takes shorter lifetimes too, but looks after them only once a second or so. */
/** On a busy machine a call, and what is read back of it, may take some seconds. */
const SHORTEST_LIFETIME_S = 12;

/** How a router is spoken to, and what it is known for. */
export interface LabMode {
  readonly protocol: GatewayProtocol;
  readonly router?: Omit<RouterOptions, "speaks" | "minLifetimeS">;
  readonly family?: "ipv4" | "ipv6";
  /** `Infinity` where it grants what it is asked for. */
  readonly longestLifetimeS: number;
  readonly canLook?: boolean;
  readonly losesNonces?: boolean;
}

/** Registers the conformance tests over miniupnpd, which speaks this protocol alone. All of them share one lab. */
export function testLabConformance(name: string, mode: LabMode): void {
  osTest(`miniupnpd over ${name}`, LAB_NEEDS, async (context) => {
    await using lab = await Lab.open();
    const { family = "ipv4", canLook = false, losesNonces = false } = mode;
    for (const [sentence, test] of Object.entries(gatewayConformanceTests({ family, canLook, losesNonces }))) {
      await context.step(sentence, async () => {
        await lab.router.reboot({ ...mode.router, speaks: [mode.protocol], minLifetimeS: SHORTEST_LIFETIME_S });
        await using router = await LabConformanceRouter.open(lab, mode);
        await test(router);
      });
    }
  });
}

/** The router of a lab as `lan1` sees it; this process is there meanwhile. */
class LabConformanceRouter implements ConformanceRouter {
  readonly gateway: Gateway;
  readonly shortestLifetimeS = SHORTEST_LIFETIME_S;
  readonly longestLifetimeS: number;
  readonly externalAddress: string;
  readonly #lab: Lab;
  readonly #inside: Disposable;
  readonly #mode: LabMode;

  private constructor(lab: Lab, mode: LabMode, { gateway, inside }: { gateway: Gateway; inside: Disposable }) {
    this.#lab = lab;
    this.#mode = mode;
    this.longestLifetimeS = mode.longestLifetimeS;
    this.gateway = gateway;
    this.#inside = inside;
    this.externalAddress = mode.family === "ipv6" ? ADDRESSES.lan1.ipv6 : ADDRESSES.outside.ipv4;
  }

  static async open(lab: Lab, mode: LabMode): Promise<LabConformanceRouter> {
    const inside = lab.lan1.enter();
    try {
      return new LabConformanceRouter(lab, mode, { gateway: await findRouter("lan1", mode), inside });
    } catch (error) {
      inside[Symbol.dispose]();
      throw error;
    }
  }

  readonly table = async () => await this.#lab.router.table();

  readonly pass = async (seconds: number) => {
    await pause(1000 * seconds);
  };

  readonly mapForAnother = async (protocol: Protocol, externalPort: number) => {
    using _inside = this.#lab.lan2.enter();
    const gateway = await findRouter("lan2", this.#mode);
    try {
      await gateway.map({
        family: "ipv4",
        protocol,
        internal: { address: ADDRESSES.lan2.ipv4, port: 4000 },
        nonce: "ffffffffffffffffffffffff",
        externalPort,
        isFixed: true,
        lifetimeS: 3600,
        description: "another host",
      });
    } finally {
      gateway.close();
    }
  };

  [Symbol.asyncDispose](): Promise<void> {
    this.gateway.close();
    this.#inside[Symbol.dispose]();
    return Promise.resolve();
  }
}

/** Finds the router as a host does, and makes sure that it is found in the one protocol that it speaks. */
async function findRouter(host: "lan1" | "lan2", { protocol, family = "ipv4" }: LabMode): Promise<Gateway> {
  // Names of adapters are looked up by another thread, which is not on that host.
  const { ipv4, link } = ADDRESSES.router;
  const ipv4Route = { adapter: "eth0", address: ADDRESSES[host].ipv4, gateway: ipv4 };
  const ipv6Route = {
    adapter: "eth0",
    address: ADDRESSES[host].ipv6,
    gateway: `${link}%${await indexOf("eth0")}`,
  };
  const found = await openGateway(family === "ipv4" ? { route: ipv4Route } : { route: ipv6Route, ipv4Route });
  assert.equal(found.gateway?.protocol, protocol, JSON.stringify(found.refusals));
  return found.gateway;
}

async function indexOf(adapter: string): Promise<string> {
  const links = JSON.parse(await runTool("ip", ["-json", "link", "show", "dev", adapter]));
  return `${links[0].ifindex}`;
}
