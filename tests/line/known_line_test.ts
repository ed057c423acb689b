/** What is known of the line: how long a look counts, whom it asks, and what it publishes. */
import assert from "node:assert/strict";
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import { PortdError } from "../../src/errors.ts";
import { KnownLine, type LineParts, type RouterSide } from "../../src/line/known_line.ts";
import type { LineEvent } from "../../src/line/line.ts";
import type { StunOutcome } from "../../src/line/stun/sample.ts";
import type { StunServer } from "../../src/line/stun/server.ts";
import { FakeClock } from "../support/clock.ts";
import { keepPort, lookOf, portOf, SEEN } from "../support/line.ts";
import { homeNetwork } from "../support/network.ts";

const SET = { offset: 4, length: 8, psid: 17 } as const;
const GATEWAY = "192.168.1.1";
const SERVERS: readonly StunServer[] = [{ host: "stun.example", port: 3478 }];

/** A machine at home, whose parts a test may change. */
class Home {
  facts: NetworkFacts = homeNetwork();
  router: RouterSide | null = null;
  told: string | null | undefined = undefined;
  outcome: StunOutcome = { look: lookOf(keepPort), failures: [] };
  file: string | undefined;
  isFull = false;
  readonly asked: string[] = [];
  readonly events: LineEvent[] = [];
  readonly logged: string[] = [];
  /** What a look waits for. */
  gate: Promise<void> = Promise.resolve();

  parts(): LineParts {
    return {
      clock: new FakeClock(),
      network: { read: () => Promise.resolve(this.facts) },
      router: () => this.router,
      askRouter: (route) => {
        this.asked.push(`router ${route.gateway}`);
        return Promise.resolve(this.told);
      },
      stun: async (servers, { signal }) => {
        this.asked.push(...servers.map(({ host }) => host));
        await this.gate;
        signal?.throwIfAborted();
        return this.outcome;
      },
      servers: SERVERS,
      isReserved: () => false,
      file: {
        load: () => this.file,
        save: (text) => {
          if (this.isFull) return Promise.reject(new PortdError("store_unavailable", "the disk is full"));
          this.file = text;
          return Promise.resolve();
        },
      },
      publish: (event) => void this.events.push(event),
      log: (line) => void this.logged.push(line),
    };
  }

  open(): Promise<KnownLine> {
    return KnownLine.open(this.parts());
  }
}

Deno.test("nobody is asked before a look is wanted, and then the servers of the configuration and the router", async () => {
  const home = new Home();
  home.told = SEEN;
  const known = await home.open();
  assert.equal((await known.read()).verdict, "unknown");
  assert.deepEqual([home.asked, home.events], [[], []]);
  const line = await known.sample();
  assert.deepEqual([line.verdict, line.certainty, line.externalAddress], ["unrestricted", "sure", SEEN]);
  assert.deepEqual(home.asked.sort(), [`router ${GATEWAY}`, "stun.example"]);
  await known.sample([{ host: "other.example", port: 1 }]);
  assert.ok(home.asked.includes("other.example"));
});

Deno.test("the router that the mapper has open is not asked again", async () => {
  const home = new Home();
  home.router = { address: GATEWAY, externalAddress: SEEN };
  const line = await (await home.open()).sample();
  assert.deepEqual([line.verdict, line.certainty], ["unrestricted", "sure"]);
  assert.deepEqual(home.asked, ["stun.example"]);
});

Deno.test("a look outlives a restart", async () => {
  const home = new Home();
  home.outcome = { look: lookOf(portOf(SET)), failures: [] };
  const before = await (await home.open()).sample();
  const after = await home.open();
  assert.deepEqual(after.line, before);
  assert.deepEqual(await after.read(), before);
  assert.equal(home.events.length, 1, "no change by the restart");
});

Deno.test("a look does not count by another way to the internet, and counts again by the same", async () => {
  const home = new Home();
  home.told = SEEN;
  home.outcome = { look: lookOf(portOf(SET)), failures: [] };
  const known = await home.open();
  await known.sample();
  const same = home.facts;
  const { internet, adapters } = same;
  const others: Readonly<Record<string, () => void>> = {
    "another router": () => {
      home.facts = { ...same, internet: { ...internet, ipv4: { ...internet.ipv4!, gateway: "192.168.1.254" } } };
    },
    "another adapter": () => {
      home.facts = { ...same, internet: { ...internet, ipv4: { ...internet.ipv4!, adapter: "wlan0" } } };
    },
    "another IPv6 prefix": () => {
      const moved = adapters.map((adapter) => ({
        ...adapter,
        addresses: adapter.addresses.map((each) =>
          each.family === "ipv6" ? { ...each, address: "2001:db8:2::10" } : each
        ),
      }));
      home.facts = { ...same, adapters: moved };
    },
    "another outer address of the router": () => {
      home.router = { address: GATEWAY, externalAddress: "198.51.100.9" };
    },
    "no network": () => {
      home.facts = { ...same, internet: { ipv4: null, ipv6: null } };
    },
  };
  for (const [what, change] of Object.entries(others)) {
    change();
    const line = await known.read();
    assert.deepEqual([line.verdict, line.samples], ["unknown", []], what);
    home.facts = same;
    home.router = null;
    assert.equal((await known.read()).verdict, "map-e", what);
  }
  const verdicts = home.events.map(({ line }) => line.verdict);
  assert.deepEqual(verdicts, ["map-e", ...Object.keys(others).flatMap(() => ["unknown", "map-e"])]);
});

Deno.test("a network that somebody else has read counts too", async () => {
  const home = new Home();
  const known = await home.open();
  await known.sample();
  const { internet } = home.facts;
  const moved = { ...home.facts, internet: { ...internet, ipv4: { ...internet.ipv4!, gateway: "192.168.1.254" } } };
  assert.equal(known.see(moved).verdict, "unknown");
  assert.deepEqual(home.events.map(({ line }) => line.verdict), ["unrestricted", "unknown"]);
});

Deno.test("a router between two connections leaves the look as it is", async () => {
  const home = new Home();
  home.router = { address: GATEWAY, externalAddress: SEEN };
  const known = await home.open();
  const before = await known.sample();
  for (const externalAddress of [null, undefined, SEEN]) {
    home.router = { address: GATEWAY, externalAddress };
    assert.deepEqual(await known.read(), before);
  }
});

Deno.test("a change of this machine's own address leaves the look as it is", async () => {
  const home = new Home();
  const known = await home.open();
  await known.sample();
  const { internet } = home.facts;
  home.facts = { ...home.facts, internet: { ...internet, ipv4: { ...internet.ipv4!, address: "192.168.1.77" } } };
  assert.equal((await known.read()).verdict, "unrestricted");
});

Deno.test("line.changed is published when verdict or ports change, and not otherwise", async () => {
  const home = new Home();
  const known = await home.open();
  await known.sample();
  await known.sample();
  assert.deepEqual(home.events.map(({ type, line }) => [type, line.verdict]), [["line.changed", "unrestricted"]]);
  for (const psid of [17, 17, 18]) {
    home.outcome = { look: lookOf(portOf({ ...SET, psid })), failures: [] };
    await known.sample();
  }
  assert.deepEqual(home.events.map(({ line }) => line.portSet?.psid), [undefined, 17, 18]);
});

Deno.test("calls for the same servers share one look; others are refused while it runs", async () => {
  const home = new Home();
  const gate = Promise.withResolvers<void>();
  home.gate = gate.promise;
  const known = await home.open();
  const first = known.sample(), second = known.sample();
  await assert.rejects(known.sample([{ host: "other.example", port: 1 }]), { code: "stun_unavailable" });
  gate.resolve();
  assert.deepEqual(await first, await second);
  assert.deepEqual(home.asked.filter((each) => each === "stun.example"), ["stun.example"]);
  assert.equal((await known.sample([{ host: "other.example", port: 1 }])).verdict, "unrestricted");
});

Deno.test("a look that finds nothing says why, and leaves what is known", async () => {
  const home = new Home();
  const known = await home.open();
  const before = await known.sample();
  home.outcome = { look: null, failures: ["stun.example:3478: no answer within 3s"] };
  await assert.rejects(known.sample(), {
    code: "stun_unavailable",
    message: /stun\.example:3478: no answer within 3s/,
  });
  assert.deepEqual(known.line, before);
  await assert.rejects(known.sample([]), { message: /no STUN server is named/ });
  home.facts = { ...home.facts, internet: { ipv4: null, ipv6: null } };
  await assert.rejects(known.sample(), { message: /no way to the internet by IPv4/ });
});

Deno.test("a full disk costs nothing but the memory over a restart, and the log says so", async () => {
  const home = new Home();
  home.isFull = true;
  const known = await home.open();
  assert.equal((await known.sample()).verdict, "unrestricted");
  assert.equal(known.line.verdict, "unrestricted");
  assert.match(home.logged.join(), /lost at the next restart: the disk is full/);
});

Deno.test("a file that makes no sense is no look", async () => {
  for (const file of ["", "{", "null", "[]", '{"look":{}}', '{"look":{"samples":[1]},"way":{}}']) {
    const home = new Home();
    home.file = file;
    assert.equal((await home.open()).line.sampledAt, null, file);
  }
});

Deno.test("close() ends a look that is under way", async () => {
  const home = new Home();
  const gate = Promise.withResolvers<void>();
  home.gate = gate.promise;
  const known = await home.open();
  const looking = known.sample();
  known.close();
  gate.resolve();
  await assert.rejects(looking, { code: "shutting_down" });
});

Deno.test("requirePort() refuses what the line cannot have, with what there is instead", async () => {
  const home = new Home();
  home.outcome = { look: lookOf(portOf(SET)), failures: [] };
  const known = await home.open();
  await known.requirePort(25565, 25565); // nothing is known yet
  await known.sample();
  await known.requirePort(4368, 25565);
  const refused = await known.requirePort(25565, 25565).then(() => undefined, (error) => error);
  assert.ok(refused instanceof PortdError);
  assert.deepEqual([refused.code, refused.status, refused.data.port], ["port_not_on_line", 409, 25565]);
  assert.match(refused.message, /25565 exists only for PSID 61; yours is 17: usable are 4368-4383, .*--ipv6/);
  await known.requirePort(refused.data.suggestion!, 25565);
});

Deno.test("a router at another address than the way's own tells nothing of this line", async () => {
  const home = new Home();
  home.router = { address: "10.0.0.1", externalAddress: "100.64.0.2" };
  assert.equal((await home.open()).line.verdict, "unknown");
});
