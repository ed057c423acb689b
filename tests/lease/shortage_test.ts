/** What a refusal says where no port of the pool or a range is free: what each of them is used for, and until when. */
import assert from "node:assert/strict";
import type { PortdError } from "../../src/errors.ts";
import { openTestDomain, request, type TestDomain, type TestOptions, wish } from "../support/domain.ts";
import { FakeMachine } from "../support/machine.ts";

type Shortage = TestDomain & { readonly machine: FakeMachine };

function shortageTest(name: string, run: (test: Shortage) => Promise<void>, options: TestOptions = {}): void {
  Deno.test(name, async () => {
    const machine = new FakeMachine();
    await using test = await openTestDomain({ machine, ...options });
    await run({ ...test, machine });
  });
}

async function refusalOf({ domain }: Shortage, ...args: Parameters<typeof request>): Promise<PortdError> {
  return await domain.registry.grant(request(...args)).then(
    ({ leases }) => Promise.reject(new Error(`granted ${leases.map(({ port }) => port)}`)),
    (error) => error,
  );
}

async function lease({ domain }: Shortage, ...args: Parameters<typeof request>): Promise<void> {
  await domain.registry.grant(request(...args));
}

const PINNED = { lifetime: { kind: "pinned" } } as const;
const IN_A_MINUTE = "2026-11-23T10:01:00.000Z";

shortageTest("a range without a free port is refused with what each of its ports is used for", async (test) => {
  const { first, machine } = test;
  await lease(test, { name: "shop/web", port: first });
  machine.start(4711, { command: "node server.js" });
  machine.listen({ protocol: "tcp", port: first + 1 }, { pid: 4711 });
  const error = await refusalOf(test, { range: { first, last: first + 2 } });
  assert.equal(
    error.message,
    `Cannot grant a tcp port: none is free in ${first}-${first + 2} (${first} is leased to "shop/web" (test) until ` +
      `2026-11-23T10:10:00.000Z; ${
        first + 1
      }: pid 4711 (node server.js) listens on it at 0.0.0.0; what was in use is ` +
      `tried again from ${IN_A_MINUTE} on; ${first + 2} is excluded by the configuration)`,
  );
  const { asked, ports, leases, retryAt, retryAfter } = error.data;
  assert.deepEqual([error.code, asked, retryAt, retryAfter], ["pool_exhausted", 1, IN_A_MINUTE, 5]);
  assert.deepEqual(ports, { size: 3, free: 0, leased: 1, used: 1, cooling: 0, excluded: 1, privileged: 0 });
  assert.deepEqual((leases as { name: string }[]).map(({ name }) => name), ["shop/web"]);
}, { exclude: [{ first: 20413, last: 20413 }] });

shortageTest("a port that was in use a moment ago is named with the time at which it is tried again", async (test) => {
  const { first, machine } = test;
  machine.start(4711);
  machine.listen({ protocol: "tcp", port: first }, { pid: 4711 });
  const range = { first, last: first };
  await refusalOf(test, { range });
  machine.end(4711);
  const { message } = await refusalOf(test, { range });
  const reason = `${first}: was in use a moment ago; what was in use is tried again from ${IN_A_MINUTE} on`;
  assert.equal(message, `Cannot grant a tcp port: none is free in ${first} (${reason})`);
  test.clock.advance(60_000);
  await lease(test, { range });
});

shortageTest("an exhausted pool is refused with how many ports are leased, and to whom the first are", async (test) => {
  const { first } = test;
  for (let i = 0; i < 5; i++) await lease(test, { name: `job-${i}`, port: first + i }, PINNED);
  const { message, data } = await refusalOf(test);
  const named = [0, 1, 2].map((i) => `${first + i} to "job-${i}"`).join(", ");
  const where = `the pool ${first}-${first + 4}`;
  assert.equal(message, `Cannot grant a tcp port: none is free in ${where} (5 are leased, among them ${named})`);
  assert.equal(data.retryAt, null);
}, { poolSize: 5 });

shortageTest("several ports are refused with how many of them are free", async (test) => {
  const { first } = test;
  await lease(test, { name: "web", port: first + 1 }, PINNED);
  const three = { wishes: Array.from({ length: 3 }, () => wish()) };
  const where = `the pool ${first}-${first + 2}`, reason = `(${first + 1} is leased to "web" (test))`;
  const count = await refusalOf(test, {}, three);
  assert.equal(count.message, `Cannot grant 3 tcp ports: only 2 of them are free in ${where} ${reason}`);
  const two = { wishes: three.wishes.slice(1), contiguous: true };
  const block = await refusalOf(test, {}, two);
  const row = "Cannot grant 2 tcp ports in a row: there are no 2 free ones in a row in";
  assert.equal(block.message, `${row} ${where} ${reason}`);
  const from = await refusalOf(test, {}, { ...two, wishes: two.wishes.map((each) => ({ ...each, port: first })) });
  assert.equal(from.message, `${row} ${first}-${first + 1} ${reason}`);
}, { poolSize: 3 });

shortageTest(
  "a range that is smaller than what is asked for is refused at once, however long one waits",
  async (test) => {
    const range = { first: test.first, last: test.first + 1 };
    const wishes = Array.from({ length: 3 }, () => wish({ range }));
    const { code, message, data } = await refusalOf(test, {}, { wishes, waitMs: 3_600_000 });
    const where = `${range.first}-${range.last} has only 2 ports`;
    assert.deepEqual([code, message], ["pool_exhausted", `Cannot grant 3 tcp ports: ${where}`]);
    assert.deepEqual([data.asked, data.retryAfter], [3, undefined]);
  },
);

shortageTest("a range of privileged ports is refused at once by a daemon without the rights", async (test) => {
  const { code, message } = await refusalOf(test, { range: { first: 80, last: 90 } }, { waitMs: 3_600_000 });
  assert.equal(code, "port_privileged");
  const reason = "ports below 1024 need an administrator's rights, which the daemon does not have";
  assert.equal(message, `Cannot grant a tcp port: none is free in 80-90 (${reason})`);
});

shortageTest("who has waited in vain learns for how long, and for what", async (test) => {
  await lease(test, { name: "web" }, PINNED);
  const waiting = refusalOf(test, {}, { waitMs: 30_000 });
  await Promise.resolve();
  test.clock.advance(30_000);
  const where = `the pool ${test.first}`, reason = `(${test.first} is leased to "web" (test))`;
  const message = `Cannot grant a tcp port: none became free within 30s in ${where} ${reason}`;
  assert.equal((await waiting).message, message);
}, { poolSize: 1 });

shortageTest("a request for one port by number does not wait, and says what does", async (test) => {
  await lease(test, { name: "web", port: test.first }, PINNED);
  const { code, message } = await refusalOf(test, { port: test.first }, { waitMs: 30_000 });
  assert.equal(code, "port_leased");
  assert.match(message, new RegExp(`; a request for one port does not wait: portd wait ${test.first} --free does$`));
});

shortageTest("a range without the ports of administrators says so", async (test) => {
  const range = { first: 1024, last: 1024 };
  await lease(test, { name: "web", port: 1024 }, PINNED);
  const { message } = await refusalOf(test, { range, lowest: 1024, isCut: true });
  assert.match(message, /; ports below 1024 are for administrators: send the token, or run the command as root\)$/);
});
