import assert from "node:assert/strict";
import { LivePortRules, type LivePortRulesOptions } from "../../src/os/port_rules.ts";
import type { OsPorts } from "../../src/os/ports.ts";
import { FakeClock } from "../support/clock.ts";

const INITIAL: OsPorts = { ephemeral: { first: 49152, last: 65535 }, reserved: [], excluded: [], unprivilegedFrom: 0 };

function rulesWith(first: number): OsPorts {
  return { ...INITIAL, excluded: [{ first, last: first + 99, protocol: "tcp" }] };
}

/** Rules whose readings end when the test says so. */
function open(options: Partial<LivePortRulesOptions> = {}) {
  const clock = new FakeClock();
  const readings: PromiseWithResolvers<OsPorts>[] = [];
  const read = () => {
    readings.push(Promise.withResolvers());
    return readings.at(-1)!.promise;
  };
  const rules = new LivePortRules({ clock, read, initial: INITIAL, keepMs: 1000, pauseMs: 100, lookMs: 0, ...options });
  const changes: OsPorts[] = [];
  rules.onChange((each) => void changes.push(each));
  /** Ends the reading. */
  const answer = async (value: OsPorts | Error) => {
    const reading = readings.at(-1)!;
    if (value instanceof Error) reading.reject(value);
    else reading.resolve(value);
    await rules.look();
    await reading.promise.catch(() => {});
    for (let turns = 0; turns < 5; turns++) await undefined;
  };
  return { clock, rules, readings, changes, answer };
}

Deno.test("nobody waits for a reading that hangs", async () => {
  const { rules, readings } = open();
  assert.equal(rules.current, INITIAL);
  assert.equal(await rules.look(), INITIAL);
  assert.equal(readings.length, 1);
  rules.close();
});

Deno.test("the rules are read again when they are old, and a change is reported once", async () => {
  const { clock, rules, readings, changes, answer } = open();
  await answer(rulesWith(20_000));
  assert.equal(rules.current.excluded[0]?.first, 20_000);
  clock.advance(999);
  assert.equal(readings.length, 1);
  clock.advance(1);
  await answer(rulesWith(20_000));
  assert.deepEqual([readings.length, changes.length], [2, 1]);
  clock.advance(1000);
  await answer(rulesWith(30_000));
  assert.deepEqual(changes.map(({ excluded }) => excluded[0]?.first), [20_000, 30_000]);
  rules.close();
  clock.advance(5000);
  assert.equal(readings.length, 3, "closed");
});

Deno.test("a refusal has them read again soon, however many refusals there are, and also after a reading under way", async () => {
  const { clock, rules, readings, answer } = open();
  rules.refresh();
  await answer(INITIAL);
  clock.advance(100);
  assert.equal(readings.length, 2);
  await answer(INITIAL);
  for (let i = 0; i < 50; i++) {
    rules.refresh();
    clock.advance(1);
  }
  assert.equal(readings.length, 2);
  clock.advance(50);
  assert.equal(readings.length, 3);
  rules.close();
});

Deno.test("where the rules cannot be read the last ones stay, with a warning that goes when they can", async () => {
  const { clock, rules, changes, answer } = open();
  await answer(rulesWith(20_000));
  clock.advance(1000);
  await answer(new Error("Cannot read the system's port ranges: netsh.exe did not answer"));
  assert.equal(rules.current.excluded[0]?.first, 20_000);
  assert.match(rules.current.warnings!.join(), /netsh\.exe did not answer$/);
  clock.advance(1000);
  await answer(rulesWith(20_000));
  assert.equal(rules.current.warnings, undefined);
  assert.equal(changes.length, 3);
  rules.close();
});
