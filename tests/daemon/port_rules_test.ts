/** The daemon over rules of the system that come late, change, or never come. */
import assert from "node:assert/strict";
import { LivePortRules, type PortRules } from "../../src/os/port_rules.ts";
import type { OsPorts } from "../../src/os/ports.ts";
import { grantOne, openTestDomain } from "../support/domain.ts";
import { FakeMachine } from "../support/machine.ts";

const INITIAL: OsPorts = { ephemeral: { first: 49152, last: 65535 }, reserved: [], excluded: [], unprivilegedFrom: 0 };

/** A machine whose tool answers when the test says so. */
class SlowMachine extends FakeMachine {
  readonly reading = Promise.withResolvers<OsPorts>();
  rules: PortRules | undefined;

  override parts() {
    const openPortRules: ReturnType<FakeMachine["parts"]>["openPortRules"] = (clock) => {
      this.rules = new LivePortRules({ clock, read: () => this.reading.promise, initial: INITIAL, lookMs: 0 });
      return Promise.resolve(this.rules);
    };
    return { ...super.parts(), openPortRules };
  }
}

Deno.test("a tool that hangs delays neither the start nor a grant nor a look at a port", async () => {
  const machine = new SlowMachine();
  await using test = await openTestDomain({ machine });
  assert.equal((await grantOne(test, { name: "shop/web" })).name, "shop/web");
  assert.equal((await test.domain.ports.describe(test.first)).port, test.first);
  assert.deepEqual(test.domain.describe().warnings, []);
});

Deno.test("ports that the system excludes later leave the pool, and a refusal names who has them", async () => {
  const machine = new SlowMachine();
  await using test = await openTestDomain({ machine, poolSize: 10 });
  const { domain, first } = test;
  const before = domain.describe().pool.size;
  assert.ok(before > 4);
  const excluded = [{ first, last: first + 3, protocol: "tcp" }] as const;
  machine.reading.resolve({ ...INITIAL, excluded });
  const changed = Promise.withResolvers<void>();
  machine.rules!.onChange(() => changed.resolve());
  await changed.promise;
  assert.ok(domain.describe().pool.size < before);
  assert.match(domain.describe().warnings.join(), /ports of the pool are excluded by the system and left out/);
  assert.match(test.logged.join("\n"), /\d ports of the pool are excluded by the system/);
  for (let i = domain.pool.free; i > 0; i--) assert.ok((await grantOne(test)).port > first + 3);
  await assert.rejects(grantOne(test, { port: first }), {
    code: "port_excluded",
    message: new RegExp(`^Cannot grant port ${first}/tcp: Windows \\(${first}-${first + 3}/tcp, for Hyper-V, WinNAT`),
  });
});
