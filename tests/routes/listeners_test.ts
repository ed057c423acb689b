import assert from "node:assert/strict";
import { appTest, openTestApp } from "../support/app.ts";
import { linuxTest } from "../support/linux_only.ts";
import { listen } from "../support/sockets.ts";

linuxTest("GET /listeners joins a listener with its process and its lease", async () => {
  await using app = await openTestApp();
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web", project: "shop" } });
  using server = listen(lease.port);
  const { status, body } = await app.call(`/v1/listeners?port=${server.port}`);
  assert.equal(status, 200);
  const [{ process, user, ...socket }, ...others] = body.listeners;
  assert.deepEqual(others, []);
  assert.deepEqual(socket, {
    protocol: "tcp",
    family: 4,
    localAddress: "127.0.0.1",
    localPort: server.port,
    remoteAddress: "0.0.0.0",
    remotePort: 0,
    state: "LISTEN",
    pid: Deno.pid,
    forwarder: null,
    ofHolder: true,
    lease: { id: lease.id, name: "shop/web", state: "granted" },
  });
  assert.deepEqual([process.cwd, typeof process.command, typeof user], [Deno.cwd(), "string", "string"]);
  assert.equal(process.user, user);
});

linuxTest("GET /listeners shows connections when asked, and keeps to its filters", async () => {
  await using app = await openTestApp();
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web", project: "shop" } });
  using leased = listen(lease.port);
  using other = listen();
  const client = await Deno.connect({ hostname: "127.0.0.1", port: other.port });
  const accepted = await other.listener.accept();
  const udp = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  const udpPort = (udp.addr as Deno.NetAddr).port;
  const listed = async (query: string): Promise<string[]> =>
    (await app.call(`/v1/listeners?${query}`)).body.listeners.map((socket: Record<string, unknown>) =>
      `${socket.protocol} ${socket.localPort} ${socket.state}`
    );
  assert.deepEqual(await listed(`port=${other.port}`), [`tcp ${other.port} LISTEN`]);
  assert.deepEqual((await listed(`port=${other.port}&connections=true`)).sort(), [
    `tcp ${other.port} ESTABLISHED`,
    `tcp ${other.port} LISTEN`,
  ]);
  assert.deepEqual(await listed(`port=${other.port}&connections=true&state=ESTABLISHED`), [
    `tcp ${other.port} ESTABLISHED`,
  ]);
  assert.deepEqual(await listed("name=web"), [`tcp ${leased.port} LISTEN`]);
  assert.deepEqual(await listed("name=shop/web&protocol=udp"), []);
  const own = await listed(`pid=${Deno.pid}`);
  for (const line of [`tcp ${leased.port} LISTEN`, `tcp ${other.port} LISTEN`, `udp ${udpPort} `]) {
    assert.ok(own.includes(line), line);
  }
  const ports = own.map((line) => Number(line.split(" ")[1]));
  assert.deepEqual(ports, ports.toSorted((a, b) => a - b));
  accepted.close();
  client.close();
  udp.close();
});

appTest("a parameter that there is not, or that is given twice, is refused by every call with a query", async (app) => {
  for (const path of ["/v1/listeners", "/v1/ports/80", "/v1/leases", "/v1/status", "/v1/events"]) {
    const { status, body } = await app.call(`${path}?bogus=1`);
    assert.deepEqual([status, body.code, body.field], [400, "invalid_request", "bogus"], path);
  }
  for (const path of ["/v1/listeners", "/v1/leases"]) {
    const { body } = await app.call(`${path}?port=80&port=81`);
    assert.deepEqual([body.code, body.field, body.value], ["invalid_request", "port", "80,81"]);
  }
});
