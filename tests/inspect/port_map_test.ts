/** The map of all ports: what each port is, when a map is made, and how long that takes. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { drawMap, type MapFacts } from "../../src/inspect/draw_map.ts";
import { MAP_LETTERS, MAP_STATES, type MapState, type PortMap } from "../../src/inspect/port_map.ts";
import { PortMapReader } from "../../src/inspect/port_map_reader.ts";
import { isWithin, type PortRange, type Protocol, PROTOCOLS } from "../../src/port/port.ts";
import { FakeClock } from "../support/clock.ts";

const BARE: MapFacts = {
  os: { ephemeral: { first: 32768, last: 60999 }, reserved: [], excluded: [], unprivilegedFrom: 1024 },
  pool: [{ first: 20000, last: 29999 }],
  members: [],
  exclude: [],
  isWithheld: () => false,
  listeners: [],
  leases: [],
  line: undefined,
};

/** The state of each port, from the run lengths. */
function statesOf(runs: string): MapState[] {
  const named = new Map(Object.entries(MAP_LETTERS).map(([state, letter]) => [letter as string, state as MapState]));
  return [...runs.matchAll(/(\d+)([a-z])/g)].flatMap(([, length, letter]) =>
    Array.from({ length: Number(length) }, () => named.get(letter!)!)
  );
}

Deno.test("a map has a state for every port from 0 to 65535, also where nothing is known of any", () => {
  const { tcp, udp, counts } = drawMap(BARE);
  assert.equal(tcp, "1n32767f28232e4536f");
  assert.equal(udp, tcp);
  assert.equal(statesOf(tcp).length, 65_536);
  assert.deepEqual(counts.tcp, { ...Object.fromEntries(MAP_STATES.map((state) => [state, 0])), ...counts.udp });
  assert.equal(counts.tcp.ephemeral, 28_232);
});

Deno.test("of several states of one port the strongest counts, for each protocol apart", () => {
  const { tcp, udp } = drawMap({
    ...BARE,
    os: { ...BARE.os, reserved: [{ first: 40000, last: 40000 }], excluded: [{ first: 30, last: 31, protocol: "udp" }] },
    members: [10, 11, 12, 33000],
    exclude: [{ first: 20, last: 21 }],
    isWithheld: (port, protocol) => port === 11 && protocol === "tcp",
    listeners: [{ protocol: "tcp", localPort: 12 }, { protocol: "tcp", localPort: 13 }, {
      protocol: "udp",
      localPort: 20,
    }],
    leases: [
      { port: 13, protocols: ["tcp", "udp"], state: "listening" },
      { port: 14, protocols: ["tcp"], state: "granted" },
      { port: 15, protocols: ["udp"], state: "idle" },
      { port: 16, protocols: ["tcp"], state: "conflict" },
    ],
  });
  const at = (runs: string, ports: readonly number[]) => ports.map((port) => statesOf(runs)[port]);
  const ports = [10, 11, 12, 13, 14, 15, 16, 20, 21, 30, 33000, 40000, 40001];
  assert.deepEqual(at(tcp, ports), [
    ...["pool", "quarantined", "used", "listening", "leased", "free", "conflict", "excluded", "excluded", "free"],
    ...["pool", "free", "ephemeral"],
  ]);
  assert.deepEqual(at(udp, ports), [
    ...["pool", "pool", "pool", "listening", "free", "leased", "free", "used", "excluded", "excluded"],
    ...["pool", "free", "ephemeral"],
  ]);
});

Deno.test("every port has the state that its facts give it, whatever these are", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const range = fc.tuple(port, port).map(([a, b]): PortRange => ({ first: Math.min(a, b), last: Math.max(a, b) }));
  const ranges = fc.array(range, { maxLength: 3 });
  const ports = fc.uniqueArray(port, { maxLength: 50 });
  const facts = fc.record({ ephemeral: range, exclude: ranges, members: ports, withheld: ports, used: ports });
  fc.assert(
    fc.property(facts, ({ ephemeral, exclude, members, withheld, used }) => {
      const isWithheld = (port: number) => withheld.includes(port);
      const listeners = used.map((localPort) => ({ protocol: "tcp", localPort }) as const);
      const map = drawMap({ ...BARE, os: { ...BARE.os, ephemeral }, exclude, members, isWithheld, listeners });
      const expected = (protocol: Protocol, port: number): MapState =>
        port === 0
          ? "none"
          : protocol === "tcp" && used.includes(port)
          ? "used"
          : isWithin(exclude, port)
          ? "excluded"
          : members.includes(port)
          ? isWithheld(port) ? "quarantined" : "pool"
          : isWithin([ephemeral], port)
          ? "ephemeral"
          : "free";
      for (const protocol of PROTOCOLS) {
        const states = statesOf(map[protocol]);
        assert.equal(states.length, 65_536);
        for (const port of [0, 1, ...members, ...withheld, ...used, ephemeral.first, ephemeral.last, 65_535]) {
          assert.equal(states[port], expected(protocol, port), `${port}/${protocol}`);
        }
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("a map in which every port differs from the one before has 128 KiB for each protocol", () => {
  const members = Array.from({ length: 32_767 }, (_, i) => 2 * i + 1);
  const { tcp } = drawMap({ ...BARE, os: { ...BARE.os, ephemeral: { first: 1, last: 65_535 } }, members });
  assert.equal(tcp.length, 2 * 65_535);
});

/** A reader over leases, sockets and events that the test changes. */
function openReader() {
  const clock = new FakeClock();
  const state = { last: 0, scans: 0, ports: [] as number[], listening: [] as number[] };
  const reader = new PortMapReader({
    clock,
    events: {
      get last() {
        return state.last;
      },
    },
    registry: {
      *written() {
        for (const port of state.ports) yield { port, protocols: ["tcp"], state: "granted" } as never;
      },
    },
    allocator: { quarantined: 0, isQuarantined: () => false },
    pool: { ports: [], isFree: () => true },
    scanner: {
      sockets: () => {
        state.scans++;
        return Promise.resolve(state.listening.map((localPort) => ({ protocol: "tcp", localPort }) as never));
      },
    },
    rules: { current: BARE.os },
    config: BARE,
    line: { known: undefined },
  });
  return { clock, state, reader };
}

const isAt = ({ tcp }: PortMap, port: number) => statesOf(tcp)[port];

Deno.test("callers at the same time share one map, and one that asks within a second gets the same", async () => {
  const { clock, state, reader } = openReader();
  const [first, second] = await Promise.all([reader.read(), reader.read()]);
  assert.equal(first, second);
  clock.advance(999);
  assert.equal(await reader.read(), first);
  assert.equal(state.scans, 1);
  clock.advance(1);
  assert.deepEqual(await reader.read(), first); // made again, and equal: its version too
  assert.equal(state.scans, 2);
});

Deno.test("a map has every event that came before the call, and is made at most five times a second", async () => {
  const { clock, state, reader } = openReader();
  const before = await reader.read();
  state.ports = [8080];
  state.last++;
  const asked = reader.read();
  let isAnswered = false;
  asked.then(() => isAnswered = true);
  clock.advance(199);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(isAnswered, false);
  clock.advance(1);
  const after = await asked;
  assert.equal(isAt(after, 8080), "leased");
  assert.notEqual(after.version, before.version);
  assert.equal(state.scans, 1, "the listeners were known");
});

Deno.test("a caller does not wait longer because events go on while the map is made", async () => {
  const { state, reader } = openReader();
  state.listening = [22];
  const asked = reader.read();
  state.last++; // after the call, before the map
  assert.equal(isAt(await asked, 22), "used");
});

Deno.test("a scan that fails is the caller's error, and the next caller tries again", async () => {
  const { reader, state } = openReader();
  Object.defineProperty(state, "listening", {
    configurable: true,
    get() {
      throw new Error("no sockets");
    },
  });
  await assert.rejects(reader.read(), /no sockets/);
  Object.defineProperty(state, "listening", { value: [22] });
  assert.equal(isAt(await reader.read(), 22), "used");
});
