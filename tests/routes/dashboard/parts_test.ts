/** The parts of the dashboard that show nothing: order, filter, language, events, what is shared. */
import assert from "node:assert/strict";
import { readMessage } from "../../../routes/dashboard/browser/live.js";
import { matches, orderBy, wordsOf } from "../../../routes/dashboard/browser/order.js";
import { languageOf } from "../../../routes/dashboard/language.ts";
import { shared } from "../../../routes/dashboard/shared.ts";
import { MOST_STRANGERS, readStrangers, type StrangersParts } from "../../../routes/dashboard/strangers.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import type { ListedSocket } from "../../../src/listener/listener.ts";
import { FakeClock } from "../../support/clock.ts";

function lease(changes: Partial<Lease>): Lease {
  const holder = {
    id: "me",
    pid: 12,
    command: "node",
    cwd: "/home/me/shop",
    user: null,
    startTime: null,
    bootId: null,
  };
  const given = {
    state: "granted",
    holder,
    labels: {},
    listener: null,
    grantedAt: "2026-01-01T00:00:00.000Z",
  } as const;
  return { id: String(changes.port), name: null, protocols: ["tcp"], ...given, ...changes } as Lease;
}

Deno.test("leases in conflict come first in every order; names that are none come last", () => {
  const all = [
    lease({ port: 3, name: "b" }),
    lease({ port: 1, name: null }),
    lease({ port: 2, name: "a" }),
    lease({ port: 4, name: "z", state: "conflict" }),
  ];
  const ports = (...order: Parameters<typeof orderBy>) => [...all].sort(orderBy(...order)).map(({ port }) => port);
  assert.deepEqual(ports("name"), [4, 2, 3, 1]);
  assert.deepEqual(ports("port"), [4, 1, 2, 3]);
  assert.deepEqual(ports("port", "descending"), [4, 3, 2, 1]);
});

Deno.test("a filter wants every word, in the name, port, state, command, pid, folder or label", () => {
  const one = lease({ port: 20417, name: "shop@login/web", labels: { job: "77" } });
  const found = (text: string) => matches(one, wordsOf(text), "割当済み");
  for (const text of ["", "  ", "WEB", "204", "shop node", "job=77", "granted", "割当", "/home/me", "12"]) {
    assert.ok(found(text), text);
  }
  for (const text of ["web api", "20418", "idle"]) assert.ok(!found(text), text);
});

Deno.test("the language is the preferred one of ours, else English", () => {
  for (
    const [header, language] of [
      [undefined, "en"],
      ["", "en"],
      ["ja", "ja"],
      ["ja-JP,ja;q=0.9,en;q=0.8", "ja"],
      ["en-GB,ja;q=0.9", "en"],
      ["de,ja;q=0.5,en;q=0.4", "ja"],
      ["fr;q=1, *;q=0.5", "en"],
      ["ja;q=0", "en"],
      ["toString, __proto__, ja;q=nonsense", "en"],
      [`${"x,".repeat(10_000)}ja`, "en"],
    ] as const
  ) assert.equal(languageOf(header), language, header);
});

Deno.test("a message of the stream is its id and its data; a comment is none", () => {
  assert.deepEqual(readMessage('id: a-1\nevent: lease.idle\ndata: {"type":"x"}'), { id: "a-1", data: '{"type":"x"}' });
  assert.equal(readMessage(": still here"), undefined);
  assert.equal(readMessage("retry: 1000"), undefined);
});

Deno.test("shared() makes one answer for all who ask at once, and another when it is too old", async () => {
  const clock = new FakeClock();
  let made = 0;
  const ask = shared(() => Promise.resolve(++made), { clock, keepMs: 1000 });
  assert.deepEqual(await Promise.all([ask(), ask(), ask()]), [1, 1, 1]);
  clock.advance(999);
  assert.equal(await ask(), 1);
  clock.advance(1);
  assert.equal(await ask(), 2);
});

Deno.test("shared() does not keep a failure", async () => {
  let attempts = 0;
  const make = () => ++attempts === 1 ? Promise.reject(new Error("once")) : Promise.resolve("fine");
  const ask = shared(make, { clock: new FakeClock(), keepMs: 1000 });
  await assert.rejects(ask(), /once/);
  assert.equal(await ask(), "fine");
});

/** What listens, over a pool of one port. */
function machine(sockets: readonly Partial<ListedSocket>[]): StrangersParts {
  const process = { command: "python3 -m http.server", cwd: null, user: "me" };
  const given = { protocol: "tcp", localAddress: "0.0.0.0", pid: 9, user: "me", process, lease: null } as const;
  async function* list() {
    yield await Promise.resolve(sockets.map((socket) => ({ ...given, ...socket }) as ListedSocket));
  }
  const pool = { has: (port: number) => port === 20001 };
  return { listing: { list }, pool, names: new Map([["shop/web", 5173]]), port: 7678 } as unknown as StrangersParts;
}

Deno.test("listeners without a lease: one row a process and port, those in the way first, portd left out", async () => {
  const { listeners, total, collisions } = await readStrangers(machine([
    { localPort: 80 },
    { localPort: 80, localAddress: "::" },
    { localPort: 80, pid: 10 },
    { localPort: 5173 },
    { localPort: 7678, pid: Deno.pid },
    { localPort: 20001 },
    { localPort: 20002, lease: { id: "1", name: null, state: "listening" } },
  ]));
  assert.deepEqual(listeners.map(({ port, pid, pooled, name }) => [port, pid, pooled, name]), [
    [5173, 9, false, "shop/web"],
    [20001, 9, true, null],
    [80, 9, false, null],
    [80, 10, false, null],
  ]);
  assert.deepEqual(listeners[2]?.addresses, ["0.0.0.0", "::"]);
  assert.deepEqual([total, collisions], [4, 2]);
});

Deno.test("of very many listeners some are shown and all are counted", async () => {
  const many = Array.from({ length: MOST_STRANGERS + 100 }, (_, i) => ({ localPort: 30_000 + i }));
  const { listeners, total } = await readStrangers(machine(many));
  assert.deepEqual([listeners.length, total], [MOST_STRANGERS, MOST_STRANGERS + 100]);
});

Deno.test("a daemon that serves no page loads nothing of the dashboard but its routes", async () => {
  const root = new URL("../../../", import.meta.url);
  const importsOf = async (path: string) => {
    const text = await Deno.readTextFile(new URL(path, root));
    return [...text.matchAll(/^import (?!type\b)[^;]*? from "([^"]+)"/gms)].map(([, target]) => target!);
  };
  const fromApp = (await importsOf("routes/app.ts")).filter((target) => target.includes("dashboard/"));
  assert.ok(fromApp.includes("./dashboard/dashboard.ts"));
  for (const target of fromApp) {
    const own = (await importsOf(`routes/${target.slice(2)}`)).filter((each) => each.startsWith("./"));
    assert.deepEqual(own, [], `${target} loads parts of the page`);
  }
});
