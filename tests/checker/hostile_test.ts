import assert from "node:assert/strict";
import type { Dial } from "../../src/checker/dial.ts";
import { checkBytes, openChecker, send, type TestChecker } from "../support/checker.ts";
import { Random } from "../support/random.ts";

const REQUESTS = 10_000, LANES = 48, CALLERS = 12;
const nonce = "00112233445566778899aabbccddeeff";
/** The callers' own ports are none that the system gives to other tests: they stay in TIME_WAIT for a minute. */
const FIRST_PORT = 1100;
/** Where a hostile caller would have the checker dial. */
const VICTIM = "198.51.100.77";
/** Fields in which proxies put a caller's address. */
const FORWARDED = ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip", "host", "origin"];
const KINDS = { noise: 3, json: 3, fields: 3, headers: 3, huge: 1, halves: 2, valid: 3 } as const;

/** One hostile request as bytes, and whether its sender then waits. */
function hostile(random: Random): Uint8Array<ArrayBuffer> {
  const right = { port: random.int(1, 65535), protocol: random.pick(["tcp", "udp"]), nonce };
  const whole = checkBytes(right);
  switch (random.weighted(KINDS)) {
    case "noise":
      return random.bytes(random.int(0, 3000));
    case "json":
      return checkBytes(
        random.pick(["{", "null", "[]", '"tcp"', "1e999", "{}".repeat(99), "[".repeat(900), '{"port":}']),
      );
    case "fields": {
      const field = random.pick(["address", "host", "ip", "target", "url", "caller", "__proto__", "port", "protocol"]);
      return checkBytes(`{"${field}":"${VICTIM}",${JSON.stringify(right).slice(1)}`);
    }
    case "headers":
      return checkBytes(right, Object.fromEntries(random.some(FORWARDED, 0.5).map((name) => [name, VICTIM])));
    case "huge":
      return checkBytes(" ".repeat(random.int(1024, 200_000)));
    case "halves":
      return whole.slice(0, random.int(0, whole.length - 1));
    case "valid":
      return whole;
  }
}

Deno.test("10,000 hostile requests: nothing is dialled but the caller's own address, what is sent is bounded, and nobody waits for long", async () => {
  const dial: Dial = () => Promise.resolve({ outcome: "silent", answered: false, elapsedMs: 1 });
  await using checker = openChecker({ dial, transferMs: 30_000 });
  const random = new Random(20261128);
  const answers = new Map<string, { status: number; bytes: number }[]>();
  let left = REQUESTS, mostOpen = 0;
  const lane = async () => {
    while (left-- > 0) {
      const from = `127.0.${left % CALLERS}.9`;
      const fromPort = FIRST_PORT + Math.floor(left / CALLERS);
      const { status, bytes } = await send(checker.port, hostile(random), { from, fromPort, ends: true });
      mostOpen = Math.max(mostOpen, checker.connections.size);
      answers.set(from, [...answers.get(from) ?? [], { status, bytes }]);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  judge(checker, answers);
  assert(mostOpen <= LANES);
  // After all this the checker still works, for a caller that has not asked yet.
  const { status } = await send(checker.port, checkBytes({ port: 80, protocol: "tcp", nonce }), { from: "127.0.99.9" });
  assert.equal(status, 200);
});

function judge(checker: TestChecker, answers: ReadonlyMap<string, readonly { status: number; bytes: number }[]>): void {
  const all = [...answers.values()].flat();
  assert.equal(all.length, REQUESTS);
  assert.deepEqual(all.filter(({ status }) => status >= 500).map(({ status }) => status), []);
  assert(all.every(({ bytes }) => bytes <= 1024), "no answer is longer than 1 KiB");
  assert.deepEqual(checker.faults, []);
  // Its clock stands still: each address gets its ten, and no answer counts twice.
  for (const [from, each] of answers) {
    const dialled = checker.dialled.filter(({ address }) => address === from).length;
    assert.equal(dialled, 10, from);
    assert.equal(each.filter(({ status }) => status === 200).length, 10, from);
  }
  assert.deepEqual(checker.dialled.filter(({ address }) => !answers.has(address)), []);
}
