/** `inUse` of `POST /leases`: a port on which somebody listens is leased to whoever listens there. */
import assert from "node:assert/strict";
import type { Protocol } from "../../src/port/port.ts";
import { HOST, openTestApp, type TestApp, TOKEN } from "../support/app.ts";
import { grantOne } from "../support/domain.ts";
import { FakeMachine } from "../support/machine.ts";

const PORT = 20411;

function inUseTest(name: string, run: (app: TestApp, machine: FakeMachine) => Promise<void>): void {
  Deno.test(name, async () => {
    const machine = new FakeMachine();
    await using app = await openTestApp({ machine });
    await run(app, machine);
  });
}

function grant(app: TestApp, body: object, token: string | undefined = TOKEN) {
  return app.call("/v1/leases", { body: { port: PORT, inUse: true, ...body }, ...(token && { token }) });
}

inUseTest("inUse takes the token, a port, and no process of the caller's choice", async (app, machine) => {
  machine.start(99);
  machine.listen({ protocol: "tcp", port: PORT }, { pid: 99 });
  const { status, body } = await app.call("/v1/leases", { body: { port: PORT, inUse: true } });
  assert.deepEqual([status, body.code], [403, "scope_required"]);
  for (const [field, part] of [["port", { port: 0 }], ["pid", { pid: 99 }], ["block", { block: 2 }]] as const) {
    const refused = await grant(app, part);
    assert.deepEqual([refused.status, refused.body.field], [400, field]);
  }
  const others = await app.call("/v1/leases", { body: { port: PORT }, token: TOKEN });
  assert.deepEqual([others.status, others.body.code], [409, "port_in_use"]);
  assert.equal(app.test.domain.registry.table.size, 0);
});

inUseTest("the port of the API is not leased to the daemon, and a lease of it is not opened", async (app, machine) => {
  const port = Number(new URL(`http://${HOST}`).port);
  machine.start(Deno.pid);
  machine.listen({ protocol: "tcp", port }, { pid: Deno.pid, address: "127.0.0.1" });
  const { status, body } = await grant(app, { port, protocols: ["tcp", "udp"] });
  assert.deepEqual([status, body.code, body.port], [409, "port_in_use", port]);
  assert.equal(body.detail, "Cannot grant port 7678/tcp: portd itself listens on it, for its API");
  assert.equal((await grant(app, { port, protocols: ["udp"] })).status, 201);
  machine.servers.delete(`tcp:${port}`);
  await grantOne(app.test, { port, protocols: ["tcp"] }); // as by a daemon of another address
  const path = `/v1/leases/by-port/${port}/exposure?protocol=tcp`;
  const opened = await app.call(path, { method: "PUT", body: { firewall: {} }, token: TOKEN });
  assert.deepEqual([opened.status, opened.body.code], [409, "port_in_use"]);
});

inUseTest("a port in use is leased to the process that has all of its sockets open", async (app, machine) => {
  for (const pid of [98, 99]) machine.start(pid);
  machine.listen({ protocol: "tcp", port: PORT }, { pid: [98, 99] });
  machine.listen({ protocol: "udp", port: PORT }, { pid: 99 });
  const { body } = await grant(app, { protocols: ["tcp", "udp"] });
  assert.deepEqual([body.holder.pid, body.lifetime], [99, { kind: "process", graceMs: 10_000 }]);
  const again = await grant(app, {});
  assert.deepEqual([again.status, again.body.code], [409, "port_leased"]);
});

inUseTest("the kernel is asked for a protocol on which the process does not listen", async (app, machine) => {
  for (const pid of [98, 99]) machine.start(pid);
  machine.listen({ protocol: "tcp", port: PORT }, { pid: 99 });
  const { body } = await grant(app, { protocols: ["tcp", "udp"] });
  assert.deepEqual([body.protocols, body.hold], [["tcp", "udp"], "none"]);
});

inUseTest("where nobody listens any more, inUse changes nothing", async (app, machine) => {
  const { status, body } = await grant(app, {});
  assert.deepEqual([status, body.lifetime.kind, body.hold, body.holder.pid], [201, "listener", "soft", null]);
  assert.ok(machine.held.has(PORT));
});

inUseTest(
  "a stranger that took the port after the look is no reason to grant a protocol that was free",
  async (app, machine) => {
    machine.start(98);
    const { findOccupant } = app.parts;
    const late = async (port: number, protocols: readonly Protocol[]) => {
      const found = await findOccupant(port, protocols);
      machine.listen({ protocol: "udp", port }, { pid: 98 });
      return found;
    };
    await using other = await openTestApp({ machine, replaced: { findOccupant: late } });
    machine.start(99);
    machine.listen({ protocol: "tcp", port: PORT }, { pid: 99 });
    const { status, body } = await grant(other, { protocols: ["tcp", "udp"] });
    assert.deepEqual([status, body.code], [409, "port_in_use"]);
  },
);
