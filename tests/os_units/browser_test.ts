/** Which program opens an address in the browser, on every system. */
import assert from "node:assert/strict";
import { type BrowserSystem, openBrowser } from "../../src/os/browser.ts";

const ADDRESS = "http://127.0.0.1:7678/#code=00";

/** Opens the address on a system on which the programs end like this. */
async function open(system: Partial<BrowserSystem>, outcomes: Readonly<Record<string, number | "running">> = {}) {
  const started: (readonly string[])[] = [];
  const why = await openBrowser(ADDRESS, {
    os: "linux",
    env: {},
    wsl: undefined,
    start(program, args) {
      started.push([program, ...args]);
      return Promise.resolve(outcomes[program] ?? "missing");
    },
    ...system,
  });
  return { started, why };
}

Deno.test("each system opens an address with a program of its own, by an absolute path and without a shell", async () => {
  const desktop = { env: { DISPLAY: ":0" } };
  assert.deepEqual(await open(desktop, { "/usr/bin/xdg-open": 0 }), {
    started: [["/usr/bin/xdg-open", ADDRESS]],
    why: undefined,
  });
  assert.deepEqual((await open({ os: "darwin" }, { "/usr/bin/open": 0 })).started, [["/usr/bin/open", ADDRESS]]);
  const { started: [windows] } = await open({ os: "windows" });
  assert.match(windows![0]!, /^C:\\Windows\\System32\\rundll32\.exe$/i);
  assert.deepEqual(windows!.slice(1), ["url.dll,FileProtocolHandler", ADDRESS]);
});

Deno.test("WSL opens the browser of Windows, and its own where that cannot be", async () => {
  const wsl = { version: 2, networking: "nat" } as const;
  const windows = "/mnt/c/Windows/System32/rundll32.exe";
  assert.deepEqual((await open({ wsl }, { [windows]: 0 })).started.map(([program]) => program), [windows]);
  const { started, why } = await open({ wsl }, { "/usr/bin/xdg-open": "running" });
  assert.deepEqual([started.map(([program]) => program), why], [[windows, "/usr/bin/xdg-open"], undefined]);
});

Deno.test("a machine without a desktop, without the program, or with one that fails, says so", async () => {
  assert.deepEqual(await open({}), { started: [], why: "there is no desktop here" });
  const desktop = { env: { WAYLAND_DISPLAY: "wayland-0" } };
  assert.equal((await open(desktop)).why, "/usr/bin/xdg-open is not installed");
  assert.equal((await open(desktop, { "/usr/bin/xdg-open": 3 })).why, "/usr/bin/xdg-open has failed (exit code 3)");
});
