/** Whose service control it is. */
import assert from "node:assert/strict";
import { Launchd } from "../../src/service/darwin/launchd.ts";
import { SystemdControl } from "../../src/service/linux/systemd.ts";
import { openServiceControl } from "../../src/service/open.ts";

const open = (os: typeof Deno.build.os, isUser = false) =>
  openServiceControl({ isUser, os, env: { HOME: "/home/ada" }, onSignal: () => () => {} });

Deno.test("each system has its own service control, which is made without asking the system", {
  ignore: Deno.build.os === "windows",
}, async () => {
  for (const isUser of [false, true]) {
    assert.ok(await open("linux", isUser) instanceof SystemdControl);
    assert.ok(await open("darwin", isUser) instanceof Launchd);
  }
});

Deno.test("where there is no service to be had it is said", async () => {
  await assert.rejects(open("windows", true), /Cannot open the service of a user: Windows has none/);
  await assert.rejects(open("freebsd"), /Cannot be a service on freebsd/);
});
