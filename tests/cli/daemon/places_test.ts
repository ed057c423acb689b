/** Where a command looks for a daemon: on the machine, and in WSL. */
import assert from "node:assert/strict";
import { candidates, wellKnownUrl } from "../../../src/cli/daemon/places.ts";
import type { Wsl } from "../../../src/os/linux/wsl.ts";
import { writeDaemonFile } from "../../../src/state/claimed_folder.ts";
import { portd } from "../../support/cli.ts";
import { temporaryFolder } from "../../support/folder.ts";

const WSL: Wsl = { version: 2, networking: "mirrored" };
const here = { wsl: () => Promise.resolve(undefined) }, inWsl = { wsl: () => Promise.resolve(WSL) };
const NOWHERE = { listen: undefined, stateDir: "/nowhere/portd" };

Deno.test("in WSL the well-known address is another one: on the usual one the portd of Windows may answer", async () => {
  assert.deepEqual(await Array.fromAsync(candidates(here, NOWHERE)), ["http://127.0.0.1:7678"]);
  assert.deepEqual(await Array.fromAsync(candidates(inWsl, NOWHERE)), ["http://127.0.0.1:7688"]);
  assert.equal(await wellKnownUrl(inWsl, "0.0.0.0:7000"), "http://127.0.0.1:7000");
  assert.equal(await wellKnownUrl(inWsl, "127.0.0.1:0"), "http://127.0.0.1:7688");
});

Deno.test("whether this is WSL is looked up only when the address in daemon.json is not enough, or PORTD_LISTEN not set", async () => {
  await using folder = await temporaryFolder();
  const url = "http://127.0.0.1:7001";
  writeDaemonFile(folder.path, { url, pid: Deno.pid, startTime: "", version: "0.0.0", needsToken: false });
  let looks = 0;
  const counting = { wsl: () => Promise.resolve(looks++ < 0 ? WSL : undefined) };
  const places = candidates(counting, { listen: undefined, stateDir: folder.path });
  assert.deepEqual([await places.next(), looks], [{ done: false, value: url }, 0]);
  assert.deepEqual([await places.next(), looks], [{ done: false, value: "http://127.0.0.1:7678" }, 1]);
  const listen = "127.0.0.1:7002";
  const set = await Array.fromAsync(candidates(counting, { listen, stateDir: folder.path }));
  assert.deepEqual([set, looks], [[url, `http://${listen}`], 1]);
});

Deno.test("portd config show says that the address and the pool are those of WSL", async () => {
  const { stdout } = await portd(["config", "show", "--json"], { env: { HOME: "/nowhere" }, wsl: WSL, os: "linux" });
  const settings = JSON.parse(stdout).settings as readonly { name: string; value: unknown; source: string }[];
  assert.deepEqual(settings.filter(({ source }) => source === "default in WSL"), [
    { name: "listen", value: "127.0.0.1:7688", source: "default in WSL" },
    { name: "pool", value: [{ first: 10_000, last: 19_999 }], source: "default in WSL" },
  ]);
});
