/** The mapper when portd is killed between any two of its steps, and in sequences of events by chance. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { MappingHost, wish } from "../support/gateway/mapping_host.ts";
import type { MemoryRouter } from "../support/gateway/memory_router.ts";

const HOUR = 3_600_000;

/** Nothing of ours is at the router that is not in the file. */
function checkRemembered({ router, disk }: MappingHost): void {
  const nonces = new Set(disk.keys());
  assert.deepEqual(router.ours.filter(({ nonce }) => !nonces.has(nonce)), []);
}

/** portd is killed at the first moment at which `when` says so. */
async function killAt(
  host: MappingHost,
  when: Partial<Pick<MemoryRouter, "beforeAnswer" | "beforeReply">> & {
    readonly beforeWrite?: () => Promise<void>;
  },
): Promise<void> {
  const wait = Promise.withResolvers<void>();
  const hold = () => wait.promise;
  if (when.beforeWrite !== undefined) host.beforeWrite = hold;
  if (when.beforeAnswer !== undefined) {
    host.router.beforeAnswer = (question) => question === "map" ? hold() : Promise.resolve();
  }
  if (when.beforeReply !== undefined) {
    host.router.beforeReply = (question) => question === "map" ? hold() : Promise.resolve();
  }
  host.mapper.request();
  await host.settle();
  host.beforeWrite = host.router.beforeAnswer = host.router.beforeReply = () => Promise.resolve();
  host.crash();
  wait.resolve();
  await host.settle();
}

const now = () => Promise.resolve();

for (
  const [moment, when, writes] of [
    ["before the record is written", { beforeWrite: now }, 0],
    ["between the record and the request", { beforeAnswer: now }, 1],
    ["between the request and the answer", { beforeReply: now }, 1],
  ] as const
) {
  Deno.test(`a portd that is killed ${moment} has its mapping at the next start, once`, async () => {
    await using host = new MappingHost();
    host.wanted = [wish()];
    const kept: string[] = [];
    const { crash } = host;
    host.crash = () => {
      kept.push(...host.disk.keys());
      checkRemembered(host);
      crash.call(host);
    };
    await killAt(host, when);
    assert.equal(kept.length, writes);
    assert.equal(host.mappings[0]!.state, "set");
    assert.equal(host.router.ours.length, 1);
    assert.deepEqual([...host.disk.keys()], host.router.ours.map(({ nonce }) => nonce));
    if (writes === 1) assert.deepEqual([...host.disk.keys()], kept, "with the nonce that it had");
  });

  Deno.test(`a portd that is killed ${moment}, and whose lease ends meanwhile, leaves nothing at the router`, async () => {
    await using host = new MappingHost();
    host.wanted = [wish()];
    const { crash } = host;
    host.crash = () => {
      host.wanted = [];
      crash.call(host);
    };
    await killAt(host, when);
    assert.deepEqual([host.router.ours, host.disk.size], [[], 0]);
  });
}

Deno.test("a portd that starts again renews what it finds in the file, with the nonces of before", async () => {
  await using host = new MappingHost();
  await host.want(wish(), wish({ port: 20_418 }), wish({ family: "ipv6" }));
  const nonces = [...host.disk.keys()].sort();
  await host.restart();
  assert.deepEqual(host.router.ours.map(({ nonce }) => nonce).sort(), nonces);
  assert.deepEqual(host.types, ["made", "made", "made", "renewed", "renewed", "renewed"]);
  assert.equal(host.router.asked.unmap, 0);
});

Deno.test("a portd that starts again after the end of a lease deletes its mapping with the nonce of before", async () => {
  await using host = new MappingHost();
  await host.want(wish(), wish({ port: 20_418 }));
  host.wanted = [wish()];
  host.crash();
  await host.settle();
  assert.deepEqual(host.router.ours.map(({ externalPort }) => externalPort), [20_417]);
  assert.equal(host.disk.size, 1);
});

type Event =
  | { readonly kind: "want"; readonly ports: readonly number[]; readonly fixed: boolean; readonly ipv6: boolean }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "crash"; readonly inFlight: "no" | "write" | "answer" | "reply" }
  | { readonly kind: "restart" | "forget" | "sync" | "disk" | "move" }
  | { readonly kind: "silent" | "loses" | "refuses" | "keeps"; readonly is: boolean }
  | { readonly kind: "other"; readonly port: number }
  | { readonly kind: "jump"; readonly ms: number };

const PORTS = [20_000, 20_001, 20_002, 20_003];
const EVENT: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    kind: fc.constant("want" as const),
    ports: fc.subarray(PORTS),
    fixed: fc.boolean(),
    ipv6: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1000, 60_000, 0.6 * HOUR) }),
  fc.record({
    kind: fc.constant("crash" as const),
    inFlight: fc.constantFrom("no" as const, "write" as const, "answer" as const, "reply" as const),
  }),
  fc.record({
    kind: fc.constantFrom("restart" as const, "forget" as const, "sync" as const, "disk" as const, "move" as const),
  }),
  fc.record({
    kind: fc.constantFrom("silent" as const, "loses" as const, "refuses" as const, "keeps" as const),
    is: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("other" as const), port: fc.constantFrom(...PORTS, 30_001) }),
  fc.record({ kind: fc.constant("jump" as const), ms: fc.constantFrom(-HOUR, HOUR, 20 * HOUR) }),
);

async function play(host: MappingHost, event: Event): Promise<void> {
  const { router } = host, { habits } = router;
  switch (event.kind) {
    case "want":
      return await host.want(...event.ports.flatMap((port, i) => {
        const wantedPort = event.fixed && i === 0 ? 30_001 : null;
        const leaseId = `01K0000000000000000000${port}`.padEnd(26, "0").slice(0, 26);
        const four = wish({ port, leaseId, wantedPort });
        return event.ipv6 ? [four, wish({ port, leaseId, family: "ipv6", wantedPort: null })] : [four];
      }));
    case "pass":
      return await host.pass(event.ms, Math.max(event.ms / 5, 1000));
    case "crash": {
      const wait = Promise.withResolvers<void>(), hold = () => wait.promise;
      if (event.inFlight === "write") host.beforeWrite = hold;
      if (event.inFlight === "answer") router.beforeAnswer = hold;
      if (event.inFlight === "reply") router.beforeReply = hold;
      host.mapper.request();
      await host.settle();
      host.beforeWrite = router.beforeAnswer = router.beforeReply = () => Promise.resolve();
      host.crash();
      wait.resolve();
      return await host.settle();
    }
    case "restart":
      return router.restart();
    case "forget":
      return router.forget();
    case "sync": {
      const syncing = host.mapper.sync();
      await host.pass(2000, 100);
      host.clock.advance(30_000);
      await syncing;
      return;
    }
    case "disk":
      host.isDiskFull = !host.isDiskFull;
      return;
    case "move": {
      const { internet } = host.network, ipv4 = internet.ipv4!;
      const address = ipv4.address === "192.168.1.10" ? "192.168.1.77" : "192.168.1.10";
      host.network = { ...host.network, internet: { ...internet, ipv4: { ...ipv4, address } } };
      return await host.pass(31_000);
    }
    case "silent":
      habits.isSilent = event.is;
      return;
    case "loses":
      habits.losesAnswers = event.is;
      return;
    case "refuses":
      habits.refusal = event.is ? "not_authorized" : undefined;
      return;
    case "keeps":
      habits.deleteRefusal = event.is ? "failed" : undefined;
      return;
    case "other":
      if (!router.ours.some(({ externalPort }) => externalPort === event.port)) router.takeByOther(event.port);
      return;
    case "jump":
      host.clock.step(event.ms);
      return await host.pass(31_000);
  }
}

/** Everything works again: the mapper has what is wanted at the router, and nothing else. */
async function checkEnd(host: MappingHost): Promise<void> {
  const { habits } = host.router;
  Object.assign(habits, { isSilent: false, losesAnswers: false, refusal: undefined, deleteRefusal: undefined });
  host.isDiskFull = false;
  await host.pass(2.5 * HOUR, 300_000);
  checkRemembered(host);
  const wanted = host.mappings.filter(({ state }) => state !== "leaving");
  for (const { state, reason, wantedPort } of wanted) {
    const isOthers = wantedPort !== null &&
      host.router.entries.some((each) => each.owner === "other" && each.externalPort === wantedPort);
    if (!isOthers) assert.equal(state, "set", reason ?? "");
  }
  const addresses = wanted.flatMap(({ state, internal, family, protocol }) =>
    state === "set" ? [`${family} ${protocol} ${internal.address} ${internal.port}`] : []
  );
  const there = host.router.ours.map(({ family, protocol, internal }) =>
    `${family} ${protocol} ${internal.address} ${internal.port}`
  );
  assert.deepEqual(there.sort(), addresses.sort(), "one lifetime after all else has ended");
}

for (const protocol of ["pcp", "upnp"] as const) {
  Deno.test(`sequences of events by chance: what is at the router (${protocol}) is in the file, others' is left alone, and in the end all is as wanted`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(EVENT, { minLength: 1, maxLength: 25 }), async (events) => {
        await using host = new MappingHost();
        host.router.habits.protocol = protocol;
        const others = new Map<number, string>();
        for (const event of events) {
          await play(host, event);
          checkRemembered(host);
          assert.deepEqual(host.router.touched, []);
          for (const { owner, externalPort, internal } of host.router.entries) {
            if (owner === "other") others.set(externalPort, internal.address);
          }
          const kept = host.router.entries.filter(({ owner }) => owner === "other").map((each) => each.externalPort);
          assert.deepEqual(kept.sort(), [...others.keys()].sort());
        }
        await checkEnd(host);
        assert.deepEqual(host.logged, []);
      }),
      { numRuns: 60 },
    );
  });
}
