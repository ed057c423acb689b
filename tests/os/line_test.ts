/**
 * The line, asked through real NATs of the kernel and a real STUN server (coturn): the verdict and the ports of each kind
 * of line, in `PORTD_LINE_ROUNDS` rounds a kind, each with another PSID and other local ports.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import type { Line } from "../../src/line/line.ts";
import { isWithin } from "../../src/port/port.ts";
import { portsOf } from "../../src/line/port_sets.ts";
import { lookByStun } from "../../src/line/stun/sample.ts";
import type { StunServer } from "../../src/line/stun/server.ts";
import { judgeLine, type LineEvidence } from "../../src/line/verdict.ts";
import { randomInt } from "../support/line.ts";
import { HostedPortd } from "../support/os/hosted_portd.ts";
import { ADDRESSES, Lab, LAB_NEEDS } from "../support/os/lab.ts";
import type { LineMode, LineOptions } from "../support/os/lab/line.ts";
import { osTest } from "../support/os/requirement.ts";
import { answerOf, startStunServer } from "../support/stun_server.ts";

const ROUNDS = Number(Deno.env.get("PORTD_LINE_ROUNDS") ?? 4);
const { lan1, lan2, outside, internet } = ADDRESSES;
const SERVERS: readonly StunServer[] = internet.ipv4.map((host) => ({ host, port: 3478 }));
const PROVIDER = "11.22.33.254";

/** What a line is to be judged as, where the router says this of its outer address. */
interface Expected {
  readonly routerAddress: string | null | undefined;
  readonly verdict: Line["verdict"];
  /** @default not checked */
  readonly certainty?: Line["certainty"];
  readonly usable: Line["usable"];
}

/** A kind of line: what it is given in each round, and the verdicts. */
interface Kind {
  readonly mode: LineMode;
  readonly options?: LineOptions;
  readonly number?: () => number;
  /** The address that the internet sees. */
  readonly seen: string;
  readonly expected: (number: number) => readonly Expected[];
}

function mapE(offset: 4 | 6, length: 8 | 6): Pick<Kind, "number" | "seen" | "expected"> {
  return {
    number: () => randomInt(0, 2 ** length - 1),
    seen: outside.ipv4,
    expected: (psid) =>
      [outside.ipv4, undefined, null].map((routerAddress) => ({
        routerAddress,
        verdict: "map-e",
        usable: portsOf({ offset, length, psid }),
      })),
  };
}

const ALL = null;
const own = { routerAddress: outside.ipv4, verdict: "unrestricted", certainty: "sure", usable: ALL } as const;

const KINDS: Readonly<Record<string, Kind>> = {
  "full range, ports kept": {
    mode: "plain",
    seen: outside.ipv4,
    expected: () => [own, { ...own, routerAddress: undefined, certainty: "likely" }],
  },
  "full range, ports changed": {
    mode: "random",
    seen: outside.ipv4,
    expected: () => [own, { routerAddress: undefined, verdict: "unknown", usable: null }],
  },
  "full range, ports changed for every target": {
    mode: "fullrandom",
    seen: outside.ipv4,
    expected: () => [own, { routerAddress: undefined, verdict: "unknown", usable: null }],
  },
  "MAP-E (4, 8), any block": { mode: "mape48", ...mapE(4, 8) },
  "MAP-E (4, 8), block after block": { mode: "mape48", options: { spread: "inc" }, ...mapE(4, 8) },
  "MAP-E (4, 8), block by target and port": { mode: "mape48", options: { spread: "hash" }, ...mapE(4, 8) },
  "MAP-E (6, 6), any block": { mode: "mape66", ...mapE(6, 6) },
  "MAP-E (6, 6), block after block": { mode: "mape66", options: { spread: "inc" }, ...mapE(6, 6) },
  "carrier-grade NAT, port after port": {
    mode: "cgn",
    number: () => randomInt(1024, 60_000),
    seen: PROVIDER,
    expected: () => [
      { routerAddress: "100.64.0.2", verdict: "shared", certainty: "sure", usable: [] },
      { routerAddress: undefined, verdict: "unknown", usable: null },
    ],
  },
  "double NAT": {
    mode: "double",
    seen: PROVIDER,
    expected: () => [
      { routerAddress: "192.168.100.2", verdict: "double-nat", certainty: "sure", usable: null },
      { routerAddress: null, verdict: "double-nat", certainty: "likely", usable: null },
    ],
  },
  "DS-Lite": {
    mode: "dslite",
    seen: PROVIDER,
    expected: () => [
      { routerAddress: null, verdict: "shared", certainty: "likely", usable: [] },
      { routerAddress: undefined, verdict: "unknown", usable: null },
    ],
  },
};

/** A look from a host of the LAN. */
async function lookFrom(lab: Lab, servers = SERVERS): Promise<LineEvidence["look"]> {
  using _inside = lab.lan1.enter();
  const { look, failures } = await lookByStun(servers, { clock: systemClock() });
  assert.deepEqual(failures, []);
  return look;
}

function judge(look: LineEvidence["look"], routerAddress: string | null | undefined): Line {
  const ipv6Addresses = [lan1.ipv6];
  return judgeLine({ look, routerAddress, localAddress: lan1.ipv4, ipv6Addresses, tunnel: null });
}

osTest(`each kind of line is judged rightly in ${ROUNDS} rounds, with its ports`, LAB_NEEDS, async (t) => {
  await using lab = await Lab.open();
  await using _stun = await lab.startStunServer();
  for (const [name, { mode, options, number = () => 0, seen, expected }] of Object.entries(KINDS)) {
    await t.step(name, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const chosen = number();
        await lab.nat(mode, chosen, options);
        const look = await lookFrom(lab);
        for (const { routerAddress, verdict, certainty, usable } of expected(chosen)) {
          const line = judge(look, routerAddress);
          const what = `round ${round}, ${chosen}, router ${routerAddress}: ${JSON.stringify(line)}`;
          assert.deepEqual([line.verdict, line.usable, line.externalAddress], [verdict, usable, seen], what);
          if (certainty !== undefined) assert.equal(line.certainty, certainty, what);
        }
      }
    });
  }
});

osTest("a carrier that steps by 1,024 or 4,096 is not called MAP-E without a doubt", LAB_NEEDS, async () => {
  await using lab = await Lab.open();
  await using _stun = await lab.startStunServer();
  for (const step of [1024, 4096]) {
    for (let round = 0; round < ROUNDS; round++) {
      await lab.nat("stride", step);
      const look = await lookFrom(lab);
      const line = judge(look, undefined);
      assert.equal(line.certainty, "likely", JSON.stringify(line));
      assert.ok(line.verdict !== "map-e" || line.doubts.some((doubt) => doubt.includes("looks the same")));
      assert.equal(judge(look, "100.64.0.2").verdict, "shared");
    }
  }
});

osTest("a line with only one block is not called MAP-E", LAB_NEEDS, async () => {
  await using lab = await Lab.open();
  await using _stun = await lab.startStunServer();
  await lab.nat("mape48", 52, { spread: "first" });
  const { verdict, samples, usable } = judge(await lookFrom(lab), undefined);
  assert.deepEqual([verdict, usable], ["unknown", null]);
  assert.ok(samples.every(({ port }) => port >= 4928 && port <= 4943), JSON.stringify(samples));
});

osTest(
  "portd line asks the servers and a real router; open respects the verdict, also after a kill",
  LAB_NEEDS,
  async () => {
    await using lab = await Lab.open();
    await using _stun = await lab.startStunServer();
    await lab.router.start();
    await using portd = await HostedPortd.on(lab.lan1, { PORTD_STUN: SERVERS.map(({ host }) => host).join(",") });
    const line = async (...args: readonly string[]): Promise<Line> =>
      JSON.parse(await portd.run("line", "--json", ...args));

    assert.equal((await line()).verdict, "unknown");
    await lab.nat("plain");
    const plain = await line("--stun");
    assert.deepEqual([plain.verdict, plain.certainty, plain.externalAddress], ["unrestricted", "sure", outside.ipv4]);

    await lab.nat("mape48", 52);
    const shared = await line("--stun");
    assert.deepEqual([shared.verdict, shared.portSet], ["map-e", { offset: 4, length: 8, psid: 52 }]);
    assert.match(await portd.run("line"), /^ports {6}240: 4928-4943, 9024-9039, /m);
    await portd.kill();
    assert.deepEqual(await line(), shared);

    await portd.run("lease", "game", "--port", "25565", "--ttl", "10m");
    const refused = await portd.outcome("open", "game", "--router", "--external", "25565");
    assert.equal(refused.code, 4, refused.said);
    assert.match(refused.said, /25565 exists only for PSID 61; yours is 52: usable are 4928-4943/);
    assert.match(refused.said, /--ipv6/);

    await using _service = await lab.lan1.serve(25565);
    const opened = JSON.parse(await portd.run("open", "game", "--router", "--json"));
    const { mappings } = JSON.parse(await portd.run("gateway", "list", "--json"));
    const { port } = mappings[0].external;
    assert.ok(isWithin(shared.usable!, port), JSON.stringify(opened));
    assert.equal(await lab.internet.ask(outside.ipv4, port, "tcp"), "lan1");
    assert.match(await portd.run("doctor"), /^line +note +MAP-E/m);
  },
);

osTest("a STUN server that is silent, lies, or is behind the same NAT is recognised", LAB_NEEDS, async () => {
  await using lab = await Lab.open();
  await using _stun = await lab.startStunServer();
  await using honest = await HostedPortd.on(lab.lan1, { PORTD_GATEWAY_PROTOCOL: "none" });
  const line = async (...servers: readonly string[]): Promise<Line> =>
    JSON.parse(await honest.run("line", "--json", "--stun", ...servers));
  const serve = (host: Lab["lan1"], address: string, ...rest: Parameters<typeof startStunServer>) => {
    using _inside = host.enter();
    return startStunServer(rest[0], address);
  };

  await using silent = serve(lab.internet, internet.ipv4[0], () => []);
  const nobody = await honest.outcome("line", "--stun", `${internet.ipv4[0]}:${silent.port}`);
  assert.equal(nobody.code, 1, nobody.said);
  assert.match(nobody.said, /no answer within 3s/);
  const next = await line(`${internet.ipv4[0]}:${silent.port}`, internet.ipv4[0]);
  assert.equal(next.verdict, "unrestricted");

  await using liar = serve(
    lab.internet,
    internet.ipv4[1],
    (request) => [answerOf(request, "198.51.100.9", request.from.port)],
  );
  const liars = `${internet.ipv4[1]}:${liar.port}`;
  for (const servers of [[liars, internet.ipv4[0]], [internet.ipv4[0], liars]]) {
    const doubtful = await line(...servers);
    assert.equal(doubtful.certainty, "likely");
    assert.match(doubtful.doubts.join(), /Two STUN servers see different addresses/);
  }

  await using near = serve(lab.lan2, lan2.ipv4, () => undefined);
  assert.equal((await line(`${lan2.ipv4}:${near.port}`, internet.ipv4[0])).verdict, "unrestricted");
  const same = await line(`${lan2.ipv4}:${near.port}`);
  assert.deepEqual([same.verdict, same.externalAddress], ["unknown", null]);
  assert.match(same.doubts.join(), /this machine's own address 10\.77\.0\.11: it is behind the same NAT/);
});
