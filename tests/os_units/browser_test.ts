/** Which program opens an address in the browser, on every system. */
import assert from "node:assert/strict";
import { type BrowserSystem, openBrowser, startProgram } from "../../src/os/browser.ts";
import { linuxTest } from "../support/linux_only.ts";

const ADDRESS = "http://127.0.0.1:7678/#code=00";

/** Opens the address on a system on which the programs end like this. */
async function open(system: Partial<BrowserSystem>, outcomes: Readonly<Record<string, string | undefined>> = {}) {
  const started: (readonly string[])[] = [];
  const why = await openBrowser(ADDRESS, {
    os: "linux",
    env: {},
    wsl: undefined,
    start(program, args) {
      started.push([program, ...args]);
      return Promise.resolve(program in outcomes ? outcomes[program] : "is not installed");
    },
    ...system,
  });
  return { started, why };
}

Deno.test("each system opens an address with a program of its own, by an absolute path and without a shell", async () => {
  const desktop = { env: { DISPLAY: ":0" } };
  assert.deepEqual(await open(desktop, { "/usr/bin/xdg-open": undefined }), {
    started: [["/usr/bin/xdg-open", ADDRESS]],
    why: undefined,
  });
  assert.deepEqual((await open({ os: "darwin" }, { "/usr/bin/open": undefined })).started, [[
    "/usr/bin/open",
    ADDRESS,
  ]]);
  const { started: [windows] } = await open({ os: "windows" });
  assert.match(windows![0]!, /^C:\\Windows\\System32\\rundll32\.exe$/i);
  assert.deepEqual(windows!.slice(1), ["url.dll,FileProtocolHandler", ADDRESS]);
});

Deno.test("WSL opens the browser of Windows, and its own where that cannot be", async () => {
  const wsl = { version: 2, networking: "nat" } as const;
  const windows = "/mnt/c/Windows/System32/rundll32.exe";
  assert.deepEqual((await open({ wsl }, { [windows]: undefined })).started.map(([program]) => program), [windows]);
  const { started, why } = await open({ wsl }, { "/usr/bin/xdg-open": undefined });
  assert.deepEqual([started.map(([program]) => program), why], [[windows, "/usr/bin/xdg-open"], undefined]);
});

Deno.test("a machine without a desktop, without the program, or with one that fails, says so", async () => {
  assert.deepEqual(await open({}), { started: [], why: "there is no desktop here" });
  const desktop = { env: { WAYLAND_DISPLAY: "wayland-0" } };
  assert.equal((await open(desktop)).why, "/usr/bin/xdg-open is not installed");
  assert.equal(
    (await open(desktop, { "/usr/bin/xdg-open": "has failed (exit code 3)" })).why,
    "/usr/bin/xdg-open has failed (exit code 3)",
  );
});

linuxTest("a program that cannot be started, or fails at once, is a reason; one that works is none", async () => {
  assert.equal(await startProgram("/nonexistent/browser", [ADDRESS]), "is not installed");
  assert.match((await startProgram("/etc/passwd", [ADDRESS]))!, /^cannot be started \(.+\)$/);
  assert.equal(await startProgram("/bin/sh", ["-c", "exit 3", ADDRESS]), "has failed (exit code 3)");
  assert.equal(await startProgram("/bin/true", [ADDRESS]), undefined);
});
