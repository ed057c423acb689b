import assert from "node:assert/strict";
import { LinuxHolds } from "../../src/hold/linux/holds.ts";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import { listsBoundSockets } from "../../src/os/linux/sock_diag.ts";
import { openTestApp } from "../support/app.ts";
import { linuxTest } from "../support/linux_only.ts";
import { listen } from "../support/sockets.ts";

/** Counts what is bound while a test looks. */
function countClaims(): { readonly ports: number[] } & Disposable {
  const { claim } = LinuxHolds.prototype;
  const ports: number[] = [];
  LinuxHolds.prototype.claim = function (port, options) {
    ports.push(port);
    return claim.call(this, port, options);
  };
  return {
    ports,
    [Symbol.dispose]() {
      LinuxHolds.prototype.claim = claim;
    },
  };
}

linuxTest("GET /ports/{n} binds no port, free, used, leased or cooling down", async () => {
  await using app = await openTestApp();
  using server = listen();
  const { body } = await app.call("/v1/leases", { body: { port: app.test.first } });
  const cooling = await app.call("/v1/leases", { body: { port: app.test.first + 1 } });
  await app.call(`/v1/leases/${cooling.body.id}`, { method: "DELETE" });
  using claims = countClaims();
  const verdicts: string[] = [];
  for (const port of [app.test.first + 3, server.port, body.port, app.test.first + 1, app.test.first + 2]) {
    verdicts.push((await app.call(`/v1/ports/${port}`)).body.verdict);
  }
  assert.deepEqual(verdicts, ["free", "listening", "leased", "free", "free"]);
  assert.deepEqual(claims.ports, []);
});

linuxTest("a refusal suggests a port that nobody listens on, and binds none for it", async () => {
  await using app = await openTestApp();
  const { first } = app.test;
  using _stranger = listen(first, "0.0.0.0");
  await app.call("/v1/leases", { body: { port: first + 1 } });
  using claims = countClaims();
  const { body } = await app.call("/v1/leases", { body: { port: first + 1 } });
  assert.deepEqual([body.code, body.suggestion], ["port_leased", first + 2]);
  assert.deepEqual(claims.ports, []);
});

linuxTest("GET /ports/{n} names who is bound and does not listen, or says that it cannot see that", async () => {
  await using app = await openTestApp();
  const linux = openLinuxParts();
  const others = new LinuxHolds(linux);
  const port = app.test.first;
  assert.equal(others.claim(port, { protocols: ["tcp"], hold: "soft" }).obstacle, undefined);
  try {
    const { body } = await app.call(`/v1/ports/${port}`);
    if (listsBoundSockets(linux.procfs.read("/proc/sys/kernel/osrelease")!)) {
      assert.deepEqual([body.verdict, body.connections.length, body.connections[0].pid], ["bound", 1, Deno.pid]);
      assert.match(body.sentence, new RegExp(`pid ${Deno.pid} .* is bound to it, though nobody listens$`));
    } else {
      assert.equal(body.verdict, "free");
      assert.match(body.sentence, /bound to it and does not listen would not be seen/);
    }
  } finally {
    others.releaseAll();
  }
});
