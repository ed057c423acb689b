/** The mapper against a router in memory: what it makes, renews, makes again and deletes, and what it says of it. */
import assert from "node:assert/strict";
import { GatewayError } from "../../src/gateway/gateway.ts";
import { MappingHost, wish } from "../support/gateway/mapping_host.ts";

const HOUR = 3_600_000;

function hostTest(
  name: string,
  run: (host: MappingHost) => Promise<void>,
  prepare: (host: MappingHost) => void = () => {},
): void {
  Deno.test(name, async () => {
    await using host = new MappingHost(prepare);
    await run(host);
  });
}

hostTest("a mapper without wishes asks nothing", async (host) => {
  await host.want();
  await host.pass(HOUR, 60_000);
  assert.deepEqual(Object.values(host.router.asked), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(host.mapper.status(), { ipv4: null, ipv6: null, mappings: [], faults: [] });
});

hostTest("a wish is mapped, with the port itself outside, and is in the file with what was granted", async (host) => {
  await host.want(wish({ protocol: "tcp" }), wish({ protocol: "udp" }));
  const [tcp, udp] = host.mappings;
  assert.deepEqual([tcp!.state, tcp!.external, udp!.external], [
    "set",
    { address: "203.0.113.7", port: 20_417 },
    { address: "203.0.113.7", port: 20_417 },
  ]);
  assert.deepEqual(tcp!.internal, { address: "192.168.1.10", port: 20_417 });
  assert.deepEqual([tcp!.via, tcp!.reason, tcp!.expiresAt], ["pcp", null, "2026-11-23T11:00:00.000Z"]);
  assert.deepEqual(host.types, ["made", "made"]);
  const kept = [...host.disk.values()].map(({ external, gateway, madeAt }) => [external?.port, gateway, madeAt]);
  const gateway = { address: "192.168.1.1", protocol: "pcp" };
  assert.deepEqual(kept, [20_417, 20_417].map((port) => [port, gateway, host.clock.now()]));
  const { ipv4, ipv6, faults } = host.mapper.status();
  assert.deepEqual(ipv4, {
    family: "ipv4",
    protocol: "pcp",
    address: "192.168.1.1",
    name: "memory",
    externalAddress: "203.0.113.7",
  });
  assert.deepEqual([ipv6, faults], [null, []]);
});

hostTest(
  "a mapping whose grant has no address, as NAT-PMP's, has the one that the router told before",
  async (host) => {
    host.router.habits.protocol = "nat-pmp";
    await host.want(wish());
    assert.deepEqual(host.mappings[0]!.external, { address: "203.0.113.7", port: 20_417 });
  },
);

hostTest("the record is on the disk before the router is asked", async (host) => {
  const seen: number[] = [];
  host.router.beforeAnswer = (question) => {
    if (question === "map") seen.push(host.disk.size);
    return Promise.resolve();
  };
  await host.want(wish(), wish({ port: 20_418 }));
  assert.deepEqual(seen, [1, 2]);
});

hostTest(
  "a mapping is renewed at half of its life, with its nonce; both protocols of a port together",
  async (host) => {
    await host.want(wish({ protocol: "tcp" }));
    await host.pass(60_000);
    await host.want(wish({ protocol: "tcp" }), wish({ protocol: "udp" }));
    const nonces = [...host.disk.keys()];
    await host.pass(3.2 * HOUR, 60_000);
    assert.deepEqual([...host.disk.keys()], nonces);
    assert.deepEqual(host.router.ours.map(({ nonce }) => nonce).sort(), nonces.sort());
    const renewals = host.types.filter((type) => type === "renewed").length;
    assert.ok(renewals >= 10 && renewals <= 16, `${renewals} renewals`);
    const [tcp, udp] = host.router.ours;
    assert.equal(tcp!.endsAt, udp!.endsAt);
    assert.ok(host.router.asked.map <= 18);
  },
);

hostTest("after a restart the protocols of a port are renewed in the order in which they were made", async (host) => {
  await host.want(wish({ protocol: "tcp" }), wish({ protocol: "udp" }));
  const inFile = [...host.disk].reverse();
  host.disk.clear();
  for (const [nonce, record] of inFile) host.disk.set(nonce, record);
  host.events.length = 0;
  await host.restart();
  assert.deepEqual(host.events.map(({ type, mapping }) => [type, mapping.protocol]), [
    ["mapping.renewed", "tcp"],
    ["mapping.renewed", "udp"],
  ]);
});

hostTest("when one protocol of a port is deleted, the other is asked for again", async (host) => {
  const [tcp, udp] = [wish({ protocol: "tcp", leaseId: "one" }), wish({ protocol: "udp", leaseId: "two" })];
  await host.want(tcp, udp);
  host.events.length = 0;
  await host.want(udp);
  assert.deepEqual(host.events.map(({ type, mapping }) => [type, mapping.protocol]), [
    ["mapping.removed", "tcp"],
    ["mapping.renewed", "udp"],
  ]);
});

hostTest("a pinhole is made from the lasting address of this host, and its handle is kept", async (host) => {
  const [home, lasting] = ["2001:db8:1::10", "2001:db8:1::99"];
  const { adapters, internet } = host.network;
  host.network = {
    internet,
    adapters: adapters.map((adapter) => ({
      ...adapter,
      addresses: adapter.addresses.flatMap((each) =>
        each.address === home ? [{ ...each, isTemporary: true }, { ...each, address: lasting }] : [each]
      ),
    })),
  };
  await host.want(wish({ family: "ipv6" }));
  const [pinhole] = host.mappings;
  assert.deepEqual([pinhole!.state, pinhole!.external], ["set", { address: lasting, port: 20_417 }]);
  assert.deepEqual([...host.disk.values()].map(({ handle }) => handle), ["1"]);
});

hostTest("the end of a wish deletes its mapping, and nothing else", async (host) => {
  host.router.takeByOther(25_565);
  await host.want(wish(), wish({ port: 20_418 }));
  await host.want(wish({ port: 20_418 }));
  assert.deepEqual(host.router.entries.map(({ externalPort }) => externalPort).sort(), [20_418, 25_565]);
  assert.equal(host.disk.size, 1);
  assert.equal(host.types.at(-1), "removed");
});

hostTest("a port that is another host's is exchanged for the next, and the reason says so", async (host) => {
  host.router.takeByOther(20_417);
  await host.want(wish({ protocol: "tcp" }), wish({ protocol: "udp" }));
  const [tcp, udp] = host.mappings;
  assert.deepEqual([tcp!.state, tcp!.external!.port], ["set", 20_418]);
  assert.match(tcp!.reason!, /has given port 20418 in the place of 20417/);
  assert.deepEqual([udp!.external!.port, udp!.reason], [20_418, null], "the other protocol has the same number");
});

hostTest("a fixed port that is another host's fails, and nothing is left of it", async (host) => {
  host.router.takeByOther(25_565);
  await host.want(wish({ wantedPort: 25_565 }));
  const [mapping] = host.mappings;
  assert.deepEqual([mapping!.state, mapping!.external], ["failed", null]);
  assert.deepEqual([host.router.ours.length, host.disk.size, host.types], [0, 0, ["failed"]]);
  assert.equal(host.mapper.status().faults.length, 1);
});

hostTest("a fixed port for which the router gives another one without a word is given back", async (host) => {
  host.router.takeByOther(25_565);
  const { gateway } = host.router;
  host.router.gateway = (...args) => {
    const real = gateway.apply(host.router, args);
    return { ...real, map: (request, signal) => real.map({ ...request, isFixed: false }, signal) };
  };
  await host.want(wish({ wantedPort: 25_565 }));
  assert.deepEqual([host.router.ours.length, host.disk.size], [0, 0]);
  assert.equal(host.mappings[0]!.state, "failed");
  assert.match(host.mappings[0]!.reason!, /gives port 25566 in the place of 25565/);
});

hostTest("another fixed port takes the place of the mapping that was there", async (host) => {
  await host.want(wish());
  await host.want(wish({ wantedPort: 25_565 }));
  assert.deepEqual(host.router.ours.map(({ externalPort }) => externalPort), [25_565]);
  await host.want(wish({ wantedPort: null }));
  assert.deepEqual(host.router.ours.map(({ externalPort }) => externalPort), [25_565], "any port is also that one");
  assert.equal(host.disk.size, 1);
});

hostTest("the mapping of a port that another lease gets at once is taken over with its nonce", async (host) => {
  await host.want(wish());
  const [nonce] = host.disk.keys();
  host.router.habits.deleteRefusal = "failed";
  await host.want();
  assert.equal(host.mappings[0]!.state, "leaving");
  await host.want(wish({ leaseId: "01K00000000000000000000009", lease: "other" }));
  assert.deepEqual(host.mappings.map(({ state, lease }) => [state, lease]), [["set", "other"]]);
  assert.deepEqual([...host.disk.keys()], [nonce]);
});

hostTest("a router that restarts is noticed by its epoch, and gets its mappings again", async (host) => {
  await host.want(wish(), wish({ port: 20_418 }));
  host.router.restart();
  await host.pass(70_000);
  assert.equal(host.router.ours.length, 2);
  assert.deepEqual(host.types.slice(2), ["lost", "lost", "made", "made"]);
});

hostTest("a router that forgets without a word is noticed by reading back, one mapping at a time", async (host) => {
  host.router.habits.protocol = "upnp";
  await host.want(wish(), wish({ port: 20_418 }), wish({ port: 20_419 }));
  await host.pass(130_000);
  assert.ok(host.router.asked.look <= 3);
  host.router.forget();
  await host.pass(130_000);
  assert.equal(host.router.ours.length, 3);
  assert.ok(host.types.includes("lost"));
});

hostTest("a port that leads to another host now is left to it, and another one is asked for", async (host) => {
  host.router.habits.protocol = "upnp";
  await host.want(wish());
  host.router.forget();
  host.router.takeByOther(20_417);
  await host.pass(130_000);
  const [ours] = host.router.ours;
  assert.notEqual(ours!.externalPort, 20_417);
  assert.deepEqual(host.mappings.map(({ state, external }) => [state, external!.port]), [["set", ours!.externalPort]]);
  assert.deepEqual([host.router.touched, host.disk.size], [[], 1]);
});

hostTest("a silent router is asked with growing pauses, and reported once", async (host) => {
  host.router.habits.isSilent = true;
  await host.want(wish(), wish({ port: 20_418 }));
  assert.deepEqual(host.mappings.map(({ state }) => state), ["failed", "failed"]);
  await host.pass(6 * HOUR, 60_000);
  assert.ok(host.router.asked.open < 50, `${host.router.asked.open} searches`);
  assert.deepEqual(host.types, ["failed", "failed"]);
  assert.match(host.mapper.status().faults[0]!, /no router answers/);
  host.router.habits.isSilent = false;
  await host.pass(660_000);
  assert.equal(host.router.ours.length, 2);
  assert.deepEqual(host.mapper.status().faults, []);
});

hostTest(
  "a router that refuses for hours is asked with growing pauses; the first change of heart counts",
  async (host) => {
    host.router.habits.refusal = "not_authorized";
    await host.want(wish());
    await host.pass(6 * HOUR, 60_000);
    assert.ok(host.router.asked.map < 50, `${host.router.asked.map} requests`);
    assert.deepEqual([host.types, host.disk.size], [["failed"], 0]);
    host.router.habits.refusal = "no_resources";
    await host.pass(660_000);
    assert.deepEqual(host.types, ["failed", "failed"], "a new reason is a new event");
    host.router.habits.refusal = undefined;
    await host.pass(660_000);
    assert.deepEqual(host.types.at(-1), "made");
  },
);

hostTest("a router that names a time is left alone for so long, and a sync does not wait for it", async (host) => {
  Object.assign(host.router.habits, { refusal: "no_resources", retryAfterS: 1800 });
  await host.want(wish());
  await host.pass(1_790_000);
  assert.equal(host.router.asked.map, 1);
  await host.pass(20_000);
  assert.equal(host.router.asked.map, 2);
  host.router.habits.refusal = undefined;
  const { mappings } = await host.mapper.sync();
  assert.equal(mappings[0]!.state, "set");
});

hostTest("a router that grants five seconds is not stormed, and the reason says so", async (host) => {
  host.router.habits.longestS = 5;
  await host.want(wish());
  await host.pass(600_000, 1000);
  assert.ok(host.router.asked.map <= 62, `${host.router.asked.map} requests`);
  assert.match(host.mappings[0]!.reason!, /the router ends it after 5 s, earlier than it is renewed/);
});

hostTest("a lifetime of a few seconds that was asked for is kept up without a gap", async (host) => {
  await host.want(wish({ lifetimeMs: 4000 }));
  for (let i = 0; i < 30; i++) {
    await host.pass(1000, 500);
    assert.equal(host.router.ours.length, 1, `after ${i} s`);
  }
  assert.equal(host.mappings[0]!.reason, null);
});

hostTest(
  "a router without lifetimes is asked again at half of what was asked for, and the end deletes",
  async (host) => {
    Object.assign(host.router.habits, { longestS: null, protocol: "upnp" });
    await host.want(wish());
    assert.deepEqual([host.mappings[0]!.state, host.mappings[0]!.expiresAt], ["set", null]);
    await host.pass(2 * HOUR, 60_000);
    assert.ok(host.router.asked.map >= 4);
    await host.want();
    assert.deepEqual([host.router.ours, host.disk.size], [[], 0]);
  },
);

hostTest("a deletion that fails is tried until the router has ended the mapping by itself", async (host) => {
  await host.want(wish());
  host.router.habits.deleteRefusal = "failed";
  await host.want();
  const [leaving] = host.mappings;
  assert.deepEqual([leaving!.state, leaving!.reason], ["leaving", "The router refuses: failed"]);
  await host.pass(0.9 * HOUR, 60_000);
  assert.equal(host.disk.size, 1);
  assert.ok(host.router.asked.unmap > 8);
  await host.pass(0.2 * HOUR, 60_000);
  assert.deepEqual([host.disk.size, host.router.ours.length], [0, 0]);
  const { unmap } = host.router.asked;
  await host.pass(HOUR, 60_000);
  assert.equal(host.router.asked.unmap, unmap);
});

hostTest(
  "a mapping without end that the router does not delete is given up after thirty days, and the log says so",
  async (host) => {
    Object.assign(host.router.habits, { longestS: null, protocol: "upnp", deleteRefusal: "failed" });
    await host.want(wish());
    await host.want();
    await host.pass(29 * 24 * HOUR, 4 * HOUR);
    assert.equal(host.disk.size, 1);
    await host.pass(25 * HOUR, 4 * HOUR);
    assert.equal(host.disk.size, 0);
    assert.match(
      host.logged.join("\n"),
      /gave up deleting the mapping of port 20417\/tcp at the router 192\.168\.1\.1/,
    );
  },
);

hostTest(
  "another address of this host gets mappings of its own; those of the old one end by themselves",
  async (host) => {
    await host.want(wish());
    const ipv4 = { ...host.network.internet.ipv4!, address: "192.168.1.77" };
    host.network = { ...host.network, internet: { ...host.network.internet, ipv4 } };
    await host.pass(40_000);
    assert.deepEqual(host.mappings.map(({ state, internal }) => [state, internal.address]), [
      ["set", "192.168.1.77"],
      ["leaving", "192.168.1.10"],
    ]);
    assert.deepEqual(host.types, ["made", "lost", "made"]);
    const { unmap } = host.router.asked;
    await host.pass(1.1 * HOUR, 60_000);
    assert.deepEqual([host.router.asked.unmap, host.disk.size, host.router.ours.length], [unmap, 1, 1]);
  },
);

hostTest("a host that comes back to an address has the nonces of its mappings there", async (host) => {
  const home = host.network;
  await host.want(wish());
  const [nonce] = host.disk.keys();
  host.network = {
    ...home,
    internet: { ipv6: null, ipv4: { adapter: "eth0", address: "10.0.0.7", gateway: "10.0.0.1" } },
  };
  await host.pass(40_000);
  assert.equal(host.mappings[0]!.internal.address, "10.0.0.7");
  host.network = home;
  await host.pass(40_000);
  const current = host.mappings.find(({ state }) => state === "set")!;
  assert.equal(current.internal.address, "192.168.1.10");
  assert.ok([...host.disk.values()].some((record) => record.nonce === nonce && record.leavingAt === null));
});

hostTest("a host without a way to the internet says so, and maps when there is one again", async (host) => {
  const home = host.network;
  host.network = { ...home, internet: { ipv4: null, ipv6: null } };
  await host.want(wish());
  assert.deepEqual(host.mapper.status().faults, ["this machine has no way to the internet by IPv4"]);
  host.network = home;
  await host.pass(40_000);
  assert.equal(host.mappings[0]!.state, "set");
});

hostTest("after a suspension everything is asked for again at once", async (host) => {
  await host.want(wish());
  host.router.forget();
  host.router.habits.canLook = false;
  host.clock.step(8 * HOUR);
  await host.pass(30_000);
  assert.equal(host.router.ours.length, 1);
});

hostTest("behind carrier-grade NAT, and behind another router, a mapping is unusable, and says why", async (host) => {
  host.router.habits.externalAddress = "100.72.3.4";
  await host.want(wish());
  assert.equal(host.mappings[0]!.state, "unusable");
  assert.match(host.mappings[0]!.reason!, /100\.72\.3\.4 is one of carrier-grade NAT/);
  host.router.habits.externalAddress = "192.168.0.12";
  await host.pass(70_000);
  assert.match(host.mappings[0]!.reason!, /192\.168\.0\.12 is a private one.*double NAT/);
  assert.deepEqual(host.types, ["made", "failed", "failed"]);
});

hostTest(
  "the external port is one that the line has, and a fixed one that it has not is not asked for",
  async (host) => {
    const usable = [{ first: 4368, last: 4383 }];
    host.line = () => ({
      verdict: "map-e",
      portSet: { offset: 4, length: 8, psid: 17 },
      usable,
      externalAddress: "203.0.113.7",
    });
    await host.want(wish({ protocol: "tcp" }), wish({ protocol: "udp" }));
    const [tcp, udp] = host.mappings;
    assert.equal(tcp!.external!.port, udp!.external!.port);
    assert.ok(tcp!.external!.port >= 4368 && tcp!.external!.port <= 4383);
    assert.equal(tcp!.state, "set");
    const { map } = host.router.asked;
    await host.want(wish({ port: 20_500, wantedPort: 25_565 }));
    assert.deepEqual([host.mappings[0]!.state, host.router.asked.map], ["failed", map]);
    assert.match(host.mappings[0]!.reason!, /25565 exists only for PSID 61; yours is 17/);
  },
);

hostTest("a port that the router grants and the line does not have is unusable", async (host) => {
  for (let port = 4368; port <= 4383; port++) host.router.takeByOther(port);
  host.line = () => ({ verdict: "map-e", portSet: null, usable: [{ first: 4368, last: 4383 }], externalAddress: null });
  await host.want(wish());
  await host.pass(600_000);
  const [mapping] = host.mappings;
  assert.deepEqual([mapping!.state, mapping!.external!.port], ["unusable", 4384]);
  assert.match(mapping!.reason!, /a port that the line does not have/);
  assert.ok(host.router.asked.map <= 2, "it is not asked for again and again");
});

hostTest("a full disk asks the router nothing, and the reason says so", async (host) => {
  host.isDiskFull = true;
  await host.want(wish());
  await host.pass(600_000);
  assert.equal(host.router.asked.map, 0);
  assert.match(host.mappings[0]!.reason!, /the disk is full/);
  host.isDiskFull = false;
  await host.pass(600_000);
  assert.equal(host.mappings[0]!.state, "set");
});

hostTest("a full table of the router holds back what does not fit, and nothing else", async (host) => {
  host.router.habits.capacity = 2;
  await host.want(wish(), wish({ port: 20_418 }), wish({ port: 20_419 }));
  assert.deepEqual(host.mappings.map(({ state }) => state), ["set", "set", "failed"]);
  await host.want(wish(), wish({ port: 20_419 }));
  await host.pass(60_000);
  assert.deepEqual(host.mappings.map(({ state }) => state), ["set", "set"]);
});

hostTest(
  "256 mappings with one router take one request each, with pauses, and are renewed without a storm",
  async (host) => {
    const wishes = Array.from(
      { length: 256 },
      (_, i) => wish({ port: 20_000 + i, leaseId: `01K0000000000000000000${String(i).padStart(4, "0")}` }),
    );
    await host.want(...wishes);
    assert.ok(host.router.asked.map <= 16, "no more in a row");
    await host.pass(2000, 50);
    assert.equal(host.router.ours.length, 256);
    assert.equal(host.router.asked.map, 256);
    await host.pass(0.5 * HOUR, 10_000);
    await host.pass(60_000, 1000);
    assert.ok(host.router.asked.map <= 520, `${host.router.asked.map}`);
    assert.ok(host.router.asked.look < 40);
    await host.want();
    await host.pass(2000, 50);
    assert.deepEqual([host.router.ours.length, host.disk.size], [0, 0]);
  },
);

hostTest("where mappings are switched off nothing is asked, and the reason says so", async (host) => {
  await host.want(wish());
  await host.pass(HOUR, 60_000);
  assert.deepEqual(Object.values(host.router.asked), [0, 0, 0, 0, 0, 0]);
  assert.match(host.mappings[0]!.reason!, /gateway\.protocol is none/);
}, (host) => host.protocols = []);

hostTest("a sync looks for the router also where no mapping is wanted", async (host) => {
  const { ipv4 } = await host.mapper.sync();
  assert.equal(ipv4!.externalAddress, "203.0.113.7");
  host.router.habits.isSilent = true;
  await host.want(wish());
  await host.want();
  const { ipv4: gone, faults } = await host.mapper.sync();
  assert.deepEqual([gone, faults.length], [null, 1]);
});

hostTest("a sync looks for the router again where the one that was known does not answer any more", async (host) => {
  host.router.habits.protocol = "nat-pmp";
  await host.want(wish());
  host.router.restart();
  host.router.habits.protocol = "upnp"; // it is spoken to in another protocol from the next search on
  let isOld = true;
  host.router.beforeAnswer = (question) => {
    if (question !== "open" && isOld) {
      isOld = false;
      return Promise.reject(new GatewayError("silent", "The router does not answer NAT-PMP"));
    }
    return Promise.resolve();
  };
  const { ipv4, mappings, faults } = await host.mapper.sync();
  assert.deepEqual([isOld, ipv4?.protocol, ipv4?.externalAddress, faults], [false, "upnp", "203.0.113.7", []]);
  assert.ok(mappings.some(({ state, via }) => state === "set" && via === "upnp"));
});
