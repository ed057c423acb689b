/** The plugin for Vite: what it sets. tests/os/library_test.ts runs it in Vite itself. */
import assert from "node:assert/strict";
import { vitePlugin } from "../../src/library/vite.ts";
import { FakeDaemon } from "../support/fake_daemon.ts";

const SERVE = { command: "serve" } as const;

Deno.test("the dev server gets a leased port, and no other", async () => {
  await using daemon = await FakeDaemon.open();
  const settings = await vitePlugin("web", { url: daemon.url, project: "shop" }).config({}, SERVE);
  const [lease] = daemon.leases;
  assert.deepEqual([lease!.name, lease!.lifetime.kind], ["shop/web", "process"]);
  assert.deepEqual(settings, { server: { port: lease!.port, strictPort: true } });
});

Deno.test("a server that starts again in the same process has the same port", async () => {
  await using daemon = await FakeDaemon.open();
  const plugin = vitePlugin("web", { url: daemon.url, project: "shop" });
  assert.deepEqual(await plugin.config({}, SERVE), await plugin.config({}, SERVE));
  assert.equal(daemon.leases.length, 1);
});

Deno.test("the preview gets the port, and a build leases nothing", async () => {
  await using daemon = await FakeDaemon.open();
  const plugin = vitePlugin("web", { url: daemon.url, project: "shop" });
  assert.equal(await plugin.config({}, { command: "build" }), undefined);
  assert.equal(daemon.requests.length, 0);
  const settings = await plugin.config({}, { ...SERVE, isPreview: true });
  assert.deepEqual(settings, { preview: { port: daemon.leases[0]!.port, strictPort: true } });
});

Deno.test("in middleware mode only the hot reload has a port, unless it is settled", async () => {
  await using daemon = await FakeDaemon.open();
  const plugin = vitePlugin("web", { url: daemon.url, project: "shop" });
  const settings = await plugin.config({ server: { middlewareMode: true } }, SERVE);
  assert.equal(daemon.leases[0]!.name, "shop/web-hmr");
  assert.deepEqual(settings, { server: { hmr: { port: daemon.leases[0]!.port } } });
  assert.equal(await plugin.config({ server: { middlewareMode: true, hmr: false } }, SERVE), undefined);
  assert.equal(await plugin.config({ server: { middlewareMode: true, hmr: { port: 1234 } } }, SERVE), undefined);
});
