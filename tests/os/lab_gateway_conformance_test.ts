/** The clients of the router's protocols against a real router, as against the router of the other tests. */
import assert from "node:assert/strict";
import { type Gateway, GATEWAY_PROTOCOLS, type GatewayProtocol } from "../../src/gateway/gateway.ts";
import { openGateway } from "../../src/gateway/open.ts";
import type { Protocol } from "../../src/port/port.ts";
import { pause } from "../../src/wait.ts";
import { type ConformanceRouter, gatewayConformanceTests } from "../support/gateway/conformance.ts";
import { ADDRESSES, Lab, LAB_NEEDS } from "../support/os/lab.ts";
import { type RouterOptions } from "../support/os/lab/router.ts";
import { runTool } from "../support/os/tool.ts";
import { osTest } from "../support/os/requirement.ts";

/** miniupnpd takes shorter lifetimes too, but looks after them only once a second or so. */
const SHORTEST_LIFETIME_S = 4;
const LONGEST_LIFETIME_S = 86_400;

interface Mode {
  readonly protocol: GatewayProtocol;
  readonly router?: RouterOptions;
  readonly family?: "ipv4" | "ipv6";
  readonly canLook?: boolean;
  readonly losesNonces?: boolean;
}

const MODES: Readonly<Record<string, Mode>> = {
  "PCP": { protocol: "pcp" },
  "NAT-PMP": { protocol: "nat-pmp" },
  "PCP, pinholes": { protocol: "pcp", family: "ipv6", losesNonces: true },
};

for (const [name, mode] of Object.entries(MODES)) {
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
  readonly longestLifetimeS = LONGEST_LIFETIME_S;
  readonly externalAddress: string;
  readonly #lab: Lab;
  readonly #inside: Disposable;
  readonly #mode: Mode;

  private constructor(lab: Lab, mode: Mode, { gateway, inside }: { gateway: Gateway; inside: Disposable }) {
    this.#lab = lab;
    this.#mode = mode;
    this.gateway = gateway;
    this.#inside = inside;
    this.externalAddress = mode.family === "ipv6" ? ADDRESSES.lan1.ipv6 : ADDRESSES.outside.ipv4;
  }

  static async open(lab: Lab, mode: Mode): Promise<LabConformanceRouter> {
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
async function findRouter(host: "lan1" | "lan2", { protocol, family = "ipv4" }: Mode): Promise<Gateway> {
  // Names of adapters are looked up by another thread, which is not on that host.
  const gateway = family === "ipv4" ? ADDRESSES.router.ipv4 : `${ADDRESSES.router.link}%${await indexOf("eth0")}`;
  const route = { adapter: "eth0", address: ADDRESSES[host][family], gateway };
  const found = await openGateway({ route, protocols: GATEWAY_PROTOCOLS });
  assert.equal(found.gateway?.protocol, protocol, JSON.stringify(found.refusals));
  return found.gateway;
}

async function indexOf(adapter: string): Promise<string> {
  const links = JSON.parse(await runTool("ip", ["-json", "link", "show", "dev", adapter]));
  return `${links[0].ifindex}`;
}
