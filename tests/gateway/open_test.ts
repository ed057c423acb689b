import assert from "node:assert/strict";
import type { InternetRoute } from "../../src/adapters/adapters.ts";
import { type Gateway, GatewayError, type GatewayProtocol } from "../../src/gateway/gateway.ts";
import { findNatPmp } from "../../src/gateway/nat_pmp/client.ts";
import { type FindGateway, openGateway } from "../../src/gateway/open.ts";
import { findPcp } from "../../src/gateway/pcp/client.ts";
import { FakeClock } from "../support/clock.ts";
import { FakeRouter } from "../support/gateway/fake_router.ts";
import { HastyTimer } from "../support/gateway/hasty_timer.ts";

const ROUTE: InternetRoute = { adapter: "eth0", address: "192.0.2.10", gateway: "192.0.2.1" };
const IPV6_ROUTE: InternetRoute = { adapter: "eth0", address: "2001:db8::10", gateway: "fe80::1%eth0" };

/** A search in one protocol that a test answers. */
class Search {
  readonly gateway: Gateway & { isClosed: boolean };
  readonly asked = Promise.withResolvers<void>();
  wasAborted = false;
  #answer = Promise.withResolvers<Gateway>();

  constructor(protocol: GatewayProtocol) {
    const close = () => void (this.gateway.isClosed = true);
    this.gateway = { protocol, isClosed: false, close } as Gateway & { isClosed: boolean };
  }

  readonly find: FindGateway = async ({ signal }) => {
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => {
        this.wasAborted = true;
        reject(signal.reason);
      })
    );
    this.asked.resolve();
    return await Promise.race([this.#answer.promise, aborted]);
  };

  answer(): void {
    this.#answer.resolve(this.gateway);
  }

  refuse(error: Error = new GatewayError("unsupported", "no such thing")): void {
    this.#answer.reject(error);
  }
}

/** The three searches, and a clock of their own. */
function newSearches() {
  const pcp = new Search("pcp"), natPmp = new Search("nat-pmp"), upnp = new Search("upnp"), timer = new FakeClock();
  const finders = { pcp: pcp.find, "nat-pmp": natPmp.find, upnp: upnp.find };
  const asked = Promise.all([pcp, natPmp, upnp].map(({ asked }) => asked.promise));
  return { pcp, natPmp, upnp, timer, finders, asked };
}

/** Has everything happen that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
}

Deno.test("a router that speaks PCP is spoken to in PCP, whatever else it speaks, and the other searches end", async () => {
  const { pcp, natPmp, upnp, timer, finders } = newSearches();
  const opening = openGateway({ route: ROUTE, finders, timer });
  natPmp.answer();
  pcp.answer();
  assert.deepEqual(await opening, { gateway: pcp.gateway, refusals: [] });
  assert.deepEqual([pcp.gateway.isClosed, natPmp.gateway.isClosed, upnp.wasAborted], [false, true, true]);
});

Deno.test("a router that speaks UPnP alone is spoken to so, and what the others said is kept", async () => {
  const { pcp, natPmp, upnp, timer, finders } = newSearches();
  const opening = openGateway({ route: ROUTE, finders, timer });
  natPmp.refuse(new GatewayError("silent", "no answer"));
  upnp.answer();
  pcp.refuse();
  const { gateway, refusals } = await opening;
  assert.equal(gateway, upnp.gateway);
  assert.deepEqual(refusals, [
    { protocol: "pcp", fault: "unsupported", reason: "no such thing" },
    { protocol: "nat-pmp", fault: "silent", reason: "no answer" },
  ]);
});

Deno.test("a preferred protocol has a second more when another has answered, and no longer", async () => {
  const { pcp, natPmp, timer, finders, asked } = newSearches();
  const opening = openGateway({ route: ROUTE, finders, timer });
  await asked;
  natPmp.answer();
  await settle();
  timer.advance(1000);
  const { gateway, refusals } = await opening;
  assert.equal(gateway, natPmp.gateway);
  assert.deepEqual(refusals.map(({ protocol, fault }) => [protocol, fault]), [["pcp", "silent"]]);
  assert.ok(pcp.wasAborted);
  assert.equal(natPmp.gateway.isClosed, false);

  const late = newSearches();
  const preferred = openGateway({ route: ROUTE, finders: late.finders, timer: late.timer });
  await late.asked;
  late.natPmp.answer();
  await settle();
  late.timer.advance(999);
  late.pcp.answer();
  assert.equal((await preferred).gateway, late.pcp.gateway);
  assert.ok(late.natPmp.gateway.isClosed);
});

Deno.test("all preferred protocols have the same second", async () => {
  const { upnp, timer, finders, asked } = newSearches();
  const opening = openGateway({ route: ROUTE, finders, timer });
  await asked;
  upnp.answer();
  await settle();
  timer.advance(1000);
  const { gateway, refusals } = await opening;
  assert.equal(gateway, upnp.gateway);
  assert.deepEqual(refusals.map(({ protocol, fault }) => [protocol, fault]), [["pcp", "silent"], [
    "nat-pmp",
    "silent",
  ]]);
});

Deno.test("where nothing answers within five seconds there is no router, and each protocol says why", async () => {
  const { timer, finders, asked } = newSearches();
  const opening = openGateway({ route: ROUTE, finders, timer });
  await asked;
  timer.advance(5000);
  const { gateway, refusals } = await opening;
  assert.equal(gateway, null);
  assert.deepEqual(refusals.map(({ protocol, fault }) => [protocol, fault]), [
    ["pcp", "silent"],
    ["nat-pmp", "silent"],
    ["upnp", "silent"],
  ]);
  assert.match(refusals[0]!.reason, /192\.0\.2\.1 has not answered in time/);
});

Deno.test("a way without a router has none, and nothing is asked", async () => {
  const { pcp, finders, timer } = newSearches();
  const { gateway, refusals } = await openGateway({ route: { ...ROUTE, gateway: null }, finders, timer });
  assert.equal(gateway, null);
  assert.equal(refusals.length, 3);
  assert.equal(pcp.wasAborted, false);
});

Deno.test("a signal ends the search with its reason, and closes what was found", async () => {
  const { pcp, natPmp, upnp, timer, finders, asked } = newSearches();
  const stop = new AbortController(), reason = new Error("no longer wanted");
  const opening = openGateway({ route: ROUTE, finders, timer, signal: stop.signal });
  await asked;
  natPmp.answer();
  await settle();
  stop.abort(reason);
  await assert.rejects(opening, reason);
  assert.deepEqual([pcp.wasAborted, natPmp.gateway.isClosed, upnp.wasAborted], [true, true, true]);
});

Deno.test("what is no refusal of a router is thrown", async () => {
  const { pcp, timer, finders } = newSearches();
  const opening = openGateway({ route: ROUTE, finders, timer });
  pcp.refuse(new RangeError("a defect"));
  await assert.rejects(opening, RangeError);
});

Deno.test("IPv6 is asked for in PCP and UPnP, and one protocol alone where the caller says so", async () => {
  for (const protocols of [undefined, ["nat-pmp", "upnp", "pcp"]] as const) {
    const { pcp, natPmp, upnp, timer, finders } = newSearches();
    const opening = openGateway({
      route: IPV6_ROUTE,
      finders,
      timer,
      ...(protocols === undefined ? {} : { protocols }),
    });
    pcp.refuse();
    upnp.answer();
    assert.equal((await opening).gateway, upnp.gateway);
    natPmp.asked.promise.then(() => assert.fail("NAT-PMP was asked"));
    await settle();
  }
  const { pcp, natPmp, timer, finders } = newSearches();
  pcp.answer();
  natPmp.answer();
  const { gateway } = await openGateway({ route: ROUTE, protocols: ["nat-pmp"], finders, timer });
  assert.equal(gateway, natPmp.gateway);
});

Deno.test("over real sockets, a router is found in whatever it speaks", async () => {
  for (const speaks of [["pcp"], ["nat-pmp"], ["pcp", "nat-pmp"], []] as readonly GatewayProtocol[][]) {
    await using router = new FakeRouter();
    router.habits.speaksPcp = speaks.includes("pcp");
    router.habits.speaksNatPmp = speaks.includes("nat-pmp");
    const timer = speaks.length === 0 ? new HastyTimer() : router.clock, { port } = router;
    const { gateway, refusals } = await openGateway({
      route: { adapter: "lo", address: "127.0.0.1", gateway: "127.0.0.1" },
      finders: {
        pcp: (options) => findPcp({ ...options, port, timer }),
        "nat-pmp": (options) => findNatPmp({ ...options, port, timer }),
        upnp: () => Promise.reject(new GatewayError("silent", "no UPnP")),
      },
      timer: router.clock,
    });
    assert.equal(gateway?.protocol, speaks[0]);
    const said = { pcp: [], "nat-pmp": ["pcp unsupported"], none: ["pcp silent", "nat-pmp silent", "upnp silent"] };
    assert.deepEqual(
      refusals.map(({ protocol, fault }) => `${protocol} ${fault}`),
      said[(speaks[0] ?? "none") as "pcp"],
    );
    gateway?.close();
  }
});
