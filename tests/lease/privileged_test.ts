import assert from "node:assert/strict";
import { touchesPrivileged, withoutPrivileged } from "../../src/lease/privileged.ts";
import type { Wish } from "../../src/lease/wish.ts";
import { domainTest, request, wish } from "../support/domain.ts";
import { freePort } from "../support/sockets.ts";

const BELOW = 1024;
const privileged = { below: BELOW, lastPortOf: (name: string) => name === "web" ? 80 : undefined };

Deno.test("touchesPrivileged() finds every way in which a request may lead to such a port", () => {
  const touches = (part: Partial<Wish>) => touchesPrivileged(request(part), privileged);
  const some = [{ port: 80 }, { prefer: [3000, 443] }, { range: { first: 1000, last: 2000 } }, { name: "web" }];
  assert.deepEqual(some.map(touches), [true, true, true, true]);
  const none = [{}, { port: 1024 }, { prefer: [1024] }, { range: { first: 1024, last: 1024 } }, { name: "api" }];
  assert.deepEqual(none.map(touches), [false, false, false, false, false]);
  assert.equal(touchesPrivileged(request({ port: 80 }), { ...privileged, below: 0 }), false);
});

Deno.test("withoutPrivileged() refuses such a port, passes over preferred ones and shortens a range", () => {
  const [shortened] = withoutPrivileged(
    request({ prefer: [80, 3000, 443], range: { first: 1, last: 2000 } }),
    BELOW,
  ).wishes;
  assert.deepEqual([shortened?.prefer, shortened?.range], [[3000], { first: 1024, last: 2000 }]);
  const several = request({}, { wishes: [wish({ name: "a" }), wish({ name: "b", port: 443 })] });
  for (const asked of [request({ port: 80 }), several, request({ range: { first: 1, last: 1023 } })]) {
    assert.throws(() => withoutPrivileged(asked, BELOW), { code: "scope_required" });
  }
  assert.throws(() => withoutPrivileged(request({ port: 80 }), BELOW), {
    message:
      "Cannot grant port 80: ports below 1024 are for administrators, so send the token, or run the command as root or as " +
      "the daemon's own user",
    data: { scope: "expose", field: "port", value: 80, expected: "a port from 1024" },
  });
  const plain = request();
  assert.equal(withoutPrivileged(plain, BELOW), plain);
  assert.equal(withoutPrivileged(request({ port: 80 }), 0).wishes[0]?.port, 80);
});

domainTest("a name's last port is not for a caller who may not have it, unless it is in the pool", async (test) => {
  const { registry } = test.domain;
  const port = freePort();
  const grant = async (part: Partial<Wish>) => (await registry.grant(request(part))).leases[0]!;
  const first = await grant({ name: "web", port });
  await registry.end(first.id, "released");
  const second = await grant({ name: "web", lowest: 65_535 });
  assert.notEqual(second.port, port);
  await registry.end(second.id, "released");
  const third = await grant({ name: "web", lowest: 65_535 });
  assert.equal(third.port, second.port);
});
