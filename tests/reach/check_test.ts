import assert from "node:assert/strict";
import type { Dial, Target } from "../../src/checker/dial.ts";
import { makeNonce } from "../../src/checker/probe.ts";
import { PortdError } from "../../src/errors.ts";
import { GatewayError, type MappingLook } from "../../src/gateway/gateway.ts";
import type { GatewayStatus, Mapping } from "../../src/gateway/mapping.ts";
import type { GatewaySearch, OpenOptions } from "../../src/gateway/open.ts";
import { ReachCheck } from "../../src/reach/check.ts";
import { openTemporaryListener } from "../../src/reach/listen.ts";
import type { ReachReport } from "../../src/reach/reach.ts";
import { Arrivals } from "../support/arrivals.ts";
import { grantOne, openTestDomain, type TestDomain } from "../support/domain.ts";
import { lineWith, mappingWith, networkWith, OUTER, ROUTER } from "../support/reach_facts.ts";
import { freePort, listen } from "../support/sockets.ts";

/** Stands for this machine's address in its network: dialling it stays on this machine. */
const OWN = "127.0.0.1";

interface Setting {
  readonly domain: TestDomain;
  readonly mappings?: readonly Mapping[];
  /** What the router answers. */
  readonly look?: MappingLook;
  readonly externalAddress?: string | null | GatewayError;
  /** The router's outer address is dialled here. */
  readonly dial?: Dial;
}

/** A check over a real domain, with a network and a router of the test's own. */
function openCheck(setting: Setting) {
  const { domain: { domain }, mappings = [], look = "unknown", externalAddress = OUTER, dial } = setting;
  const side = { family: "ipv4", protocol: "upnp", address: ROUTER, name: "box" } as const;
  const status: GatewayStatus = { ipv4: { ...side, externalAddress: OUTER }, ipv6: null, mappings, faults: [] };
  const opened: OpenOptions[] = [];
  let closed = 0;
  const openGateway = (options: OpenOptions): Promise<GatewaySearch> => {
    opened.push(options);
    const gateway = {
      ...side,
      localAddress: OWN,
      externalAddress: () =>
        externalAddress instanceof GatewayError ? Promise.reject(externalAddress) : Promise.resolve(externalAddress),
      map: () => assert.fail("a check maps nothing"),
      unmap: () => assert.fail("a check deletes nothing"),
      look: () => Promise.resolve(look),
      hasForgotten: () => assert.fail("a check does not ask that"),
      close: () => void closed++,
    };
    return Promise.resolve({ gateway, refusals: [] });
  };
  const check = new ReachCheck({
    ports: domain.ports,
    firewall: domain.firewall,
    mapper: { status: () => status },
    network: { read: () => Promise.resolve(networkWith(OWN)) },
    line: { read: () => Promise.resolve(lineWith({ verdict: "unknown", reason: "nothing is known" })) },
    openGateway,
    ...(dial && { dial }),
  });
  return { check, opened, closed: () => closed };
}

function resultOf({ layers }: ReachReport, layer: string): string | undefined {
  return layers.find((each) => each.layer === layer)?.result;
}

function checkTest(name: string, run: (domain: TestDomain) => Promise<void>): void {
  Deno.test(name, { ignore: Deno.build.os !== "linux" }, async () => {
    await using domain = await openTestDomain();
    await run(domain);
  });
}

checkTest("a service on the network's address is found, and its address dialled without a byte", async (domain) => {
  using server = listen(0, OWN);
  const accepted = server.listener.accept().then(async (connection) => {
    const length = await connection.read(new Uint8Array(10));
    connection.close();
    return length;
  });
  const report = await openCheck({ domain }).check.check(server.port, {});
  assert.deepEqual(report.layers.slice(0, 3).map(({ result }) => result), ["ok", "ok", "ok"]);
  assert.deepEqual([report.from, report.family, report.protocol], ["lan", "ipv4", "tcp"]);
  assert.equal(await accepted, null);
});

checkTest("nobody listens, or only on loopback: the layer is named", async (domain) => {
  const { check } = openCheck({ domain });
  assert.equal((await check.check(freePort(), {})).broken, "listener");
  using server = listen(0, "127.0.0.3");
  assert.equal((await check.check(server.port, {})).broken, "bind");
});

checkTest("the daemon listens by itself where it is asked to, and then no more", async (domain) => {
  const { check } = openCheck({ domain });
  for (const protocol of ["tcp", "udp"] as const) {
    const port = freePort();
    const report = await check.check(port, { protocol, listen: true });
    assert.deepEqual([resultOf(report, "listener"), resultOf(report, "lan")], ["ok", "ok"], protocol);
    assert.equal((await check.check(port, { protocol })).broken, "listener");
  }
  using server = listen(0, "0.0.0.0");
  const refused = check.check(server.port, { listen: true });
  await assert.rejects(refused, (error) => error instanceof PortdError && error.code === "port_in_use");
});

checkTest("a listener of the caller's is known by its nonce", async (domain) => {
  const port = freePort(), nonce = makeNonce();
  await using _listener = await openTemporaryListener({ protocol: "udp", port }, nonce);
  const { check } = openCheck({ domain });
  assert.equal(resultOf(await check.check(port, { protocol: "udp", nonce }), "lan"), "ok");
  assert.equal((await check.check(port, { protocol: "udp", nonce: makeNonce() })).broken, "lan");
});

/** A lease that asks the router, with somebody who listens there. */
async function exposed(domain: TestDomain): Promise<{ readonly port: number; readonly mapping: Mapping } & Disposable> {
  const lease = await grantOne(domain, {}, {
    exposure: {
      firewall: { direction: "in", profiles: ["private"], remote: ["any"] },
      gateway: { externalPort: null, ipv4: true, ipv6: false, lifetimeMs: 3_600_000 },
    },
    mayExpose: true,
  });
  const server = listen(lease.port, "0.0.0.0");
  const mapping = mappingWith({
    leaseId: lease.id,
    internal: { address: OWN, port: lease.port },
    external: { address: OUTER, port: 40_000 },
  });
  return { port: lease.port, mapping, [Symbol.dispose]: () => server[Symbol.dispose]() };
}

checkTest("what asks the router only does so when it is told to", async (domain) => {
  using lease = await exposed(domain);
  const { check, opened } = openCheck({ domain, mappings: [lease.mapping] });
  const report = await check.check(lease.port, {});
  assert.deepEqual([opened.length, report.from, resultOf(report, "gateway")], [0, "internet", "ok"]);
  assert.deepEqual([resultOf(report, "hairpin"), report.external], ["unknown", { address: OUTER, port: 40_000 }]);
});

checkTest(
  "the router is asked in the protocol of the mapping, its outer port is dialled, and it is let go of",
  async (domain) => {
    using lease = await exposed(domain);
    const dialled: Target[] = [];
    const dial: Dial = (target) => {
      dialled.push(target);
      return Promise.resolve({ outcome: "open", answered: false, elapsedMs: 1 });
    };
    const { check, opened, closed } = openCheck({ domain, mappings: [lease.mapping], look: "set", dial });
    const report = await check.check(lease.port, { asks: true });
    assert.deepEqual(opened.map(({ protocols }) => protocols), [["upnp"]]);
    assert.deepEqual([resultOf(report, "mapping"), resultOf(report, "hairpin"), closed()], ["ok", "ok", 1]);
    assert.deepEqual(dialled.map(({ address, port }) => [address, port]), [[OWN, lease.port], [OUTER, 40_000]]);
  },
);

checkTest(
  "a mapping that the router has forgotten is named, and one that fails to be read back is not",
  async (domain) => {
    using lease = await exposed(domain);
    const dial: Dial = () => Promise.resolve({ outcome: "open", answered: false, elapsedMs: 1 });
    const broken = async (look: MappingLook) => {
      const { check } = openCheck({ domain, mappings: [lease.mapping], look, dial });
      return (await check.check(lease.port, { asks: true })).broken;
    };
    assert.deepEqual([await broken("gone"), await broken("foreign"), await broken("unknown")], [
      "mapping",
      "mapping",
      null,
    ]);
  },
);

checkTest("a router that falls silent, or has no address, is named", async (domain) => {
  using lease = await exposed(domain);
  const dial: Dial = () => Promise.resolve({ outcome: "open", answered: false, elapsedMs: 1 });
  for (const fault of ["silent", "no_address"] as const) {
    const externalAddress = new GatewayError(fault, `the router is ${fault}`);
    const { check } = openCheck({ domain, mappings: [lease.mapping], externalAddress, dial });
    const report = await check.check(lease.port, { asks: true });
    assert.deepEqual([report.broken, report.layers.find(({ layer }) => layer === "gateway")!.reason], [
      "gateway",
      `the router is ${fault}`,
    ]);
  }
});

checkTest("eight checks run at a time", async (domain) => {
  using server = listen(0, OWN);
  const dials = new Arrivals<Awaited<ReturnType<Dial>>>(),
    open = { outcome: "open", answered: false, elapsedMs: 1 } as const;
  const dial: Dial = () => dials.arrive();
  const { check } = openCheck({ domain, dial });
  const running = Array.from({ length: 8 }, () => check.check(server.port, {}));
  await assert.rejects(check.check(server.port, {}), { code: "checker_busy" });
  await dials.until(8);
  for (const end of dials.ends) end(open);
  assert.equal((await Promise.all(running)).length, 8);
  const last = check.check(server.port, {});
  await dials.until(9);
  dials.ends[8]!(open);
  assert.equal((await last).port, server.port);
});
