/** What `portd wait` says is missing. */
import assert from "node:assert/strict";
import { lookAtLease, lookAtPort } from "../../../src/cli/wait/look.ts";
import { PortdClient } from "../../../src/client/client.ts";
import { commandTest } from "../../support/command_setting.ts";
import { freePort } from "../../support/sockets.ts";

const HOLDER = { id: "cli:/home/me/shop", cwd: "/home/me/shop" };

commandTest("a look at a lease finds it, or says what is missing", async ({ daemon, cwd }) => {
  const client = new PortdClient({ url: daemon.url });
  const look = (free = false) => lookAtLease(client, { name: "web", cwd, free });
  assert.deepEqual([await look(), await look(true)], [{ missing: 'there is no lease "shop/web" yet' }, {}]);
  const lease = await daemon.grant({ name: "web", project: "shop", holder: HOLDER });
  const title = `shop/web (${lease.port}/tcp)`;
  assert.deepEqual(await look(), { missing: `nothing listens on ${title} yet` });
  daemon.machine.start(99, { command: "vite", cwd: "/blog" });
  daemon.machine.listen({ protocol: "tcp", port: lease.port }, { pid: 99 });
  await daemon.look();
  assert.deepEqual(await look(), { missing: `a stranger listens on ${title}` });
  daemon.machine.end(99);
  await daemon.serve(lease);
  assert.deepEqual(await look(true), { missing: `${title} is still leased` });
  assert.deepEqual(await look(), { lease: daemon.leases[0] });
});

commandTest("a look at a port finds a listener, or says what is missing", async ({ daemon }) => {
  const client = new PortdClient({ url: daemon.url });
  const port = freePort();
  const look = ({ udp = false, free = false } = {}) =>
    lookAtPort(client, { port, udp, free, signal: new AbortController().signal });
  assert.deepEqual(await look(), { missing: `nothing listens on port ${port}/tcp yet` });
  assert.deepEqual(await look({ udp: true }), { missing: `nothing listens on port ${port}/udp yet` });
  assert.deepEqual(await look({ free: true }), {});
  const lease = await daemon.grant({ name: "dns", project: "shop", port, protocols: ["udp"], holder: HOLDER });
  assert.deepEqual(await look(), { missing: `nothing listens on shop/dns (${port}/udp) yet` });
  assert.deepEqual(await look({ free: true }), { missing: `shop/dns (${port}/udp) is still leased` });
  await daemon.serve(lease);
  assert.deepEqual(await look({ udp: true }), { lease: daemon.leases[0] });
});
