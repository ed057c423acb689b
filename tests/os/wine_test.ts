/** What portd reads and does on Windows, by Deno for Windows under Wine; wine_service_test.ts has the service. */
import assert from "node:assert/strict";
import type { ListedSocket } from "../../src/listener/listener.ts";
import { retryUntil } from "../../src/wait.ts";
import { MINGW, obtainComServer } from "../support/os/firewall_com_server.ts";
import { linesOf } from "../support/os/lines.ts";
import { osTest } from "../support/os/requirement.ts";
import { FLAGS, Wine } from "../support/os/wine.ts";
import { WINE } from "../support/os/wine_root.ts";
import type { OpenedSockets } from "../support/os/wine_sockets.ts";
import { freePort } from "../support/sockets.ts";

/** Files with tests that run on Windows. */
const TESTS = [
  "tests/hold/holds_test.ts",
  "tests/terminate/handle_test.ts",
  "tests/listener/windows_scan_test.ts",
  "tests/process/windows_processes_test.ts",
  "tests/support/os/wine_firewall.ts",
  "tests/os_units/windows_spawn_test.ts",
  "tests/cli/daemon/windows_start_test.ts",
  "tests/compat/pipe_test.ts",
];
/** So many of their tests must pass; about half of those of the firewall are the conformance suite. */
const FEWEST_PASSED = 17 + 5 + 4 + 10 + 26 + 14 + 1 + 2;

osTest(
  "on Windows portd sees sockets and processes, probes ports, ends processes and sets rules",
  [...WINE, MINGW],
  async (t) => {
    await using wine = await Wine.start();
    await wine.lay(await obtainComServer());
    await wine.compile();
    await t.step("the tests that run on Windows pass", async () => {
      const { code, stdout, stderr } = await wine.deno(["test", ...FLAGS, ...TESTS], { leavesAnother: true });
      const [, passed] = /^ok \| (\d+) passed/m.exec(stdout) ?? assert.fail(stdout + stderr);
      for (const file of TESTS) assert.match(stdout, new RegExp(`^running [1-9]\\d* tests? from \\./${file}`, "m"));
      assert.ok(Number(passed) >= FEWEST_PASSED, stdout);
      assert.equal(code, 0);
    });
    await t.step("portd ps lists every socket with its state and process", () => testPs(wine));
  },
);

async function testPs(wine: Wine): Promise<void> {
  const env = { PORTD_STATE_DIR: "C:\\portd", PORTD_LISTEN: `127.0.0.1:${freePort()}` };
  const { child, opened } = await openSockets(wine);
  // The first command starts the daemon.
  const { code, stderr } = await wine.portd(["lease", "web", "--json"], { env, leavesAnother: true });
  assert.equal(code, 0, stderr);
  const ps = async (...args: readonly string[]): Promise<readonly ListedSocket[]> => {
    const { code, stdout, stderr } = await wine.portd(["ps", ...args, "--json"], { env });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).listeners;
  };
  const { all, listening } = expectedRows(opened);
  const isNamed = (row: ListedSocket) => !row.process!.user!.startsWith("S-1-");
  const rows = (await retryUntil(async () => {
    const rows = await ps("--all", "--pid", String(opened.pid));
    return rows.every(isNamed) && rows; // the name of a user is looked up while its number stands there
  }, { pauseMs: 10 }))!;
  assert.deepEqual(rows.map(line).sort(), all);
  for (const { pid, process } of rows) {
    assert.equal(pid, opened.pid);
    // Wine's kernel does not say the command line, and the memory of a process without a lease is not read.
    assert.equal(process!.command, "Z:\\box\\deno.exe");
    assert.equal(process!.cwd, null);
    assert.match(process!.user!, /\\root$/);
  }
  const ours = (row: ListedSocket) => row.pid === opened.pid;
  assert.deepEqual((await ps()).filter(ours).map(line).sort(), listening);
  const [{ port }] = opened.sockets as [OpenedSockets["sockets"][0]];
  assert.deepEqual((await ps("--port", String(port))).map(({ pid }) => pid), [opened.pid]);
  await child.stdin.close();
  await child.stderr.cancel();
  await child.status;
  assert.deepEqual((await ps("--all")).filter(ours), [], "rows of a program that has ended");
  const stopped = await wine.portd(["stop"], { env });
  assert.equal(stopped.code, 0, stopped.stderr);
}

/** Starts the program that opens sockets. */
async function openSockets(wine: Wine): Promise<{ readonly child: Deno.ChildProcess; readonly opened: OpenedSockets }> {
  const args = ["run", "--no-prompt", "--allow-net", "--cached-only", wine.path("tests/support/os/wine_sockets.ts")];
  const child = wine.spawn(args, { stdin: "piped" });
  const { value, done } = await linesOf(child.stdout).next();
  if (done) throw new Error(`Cannot open sockets: ${await new Response(child.stderr).text()}`);
  return { child, opened: JSON.parse(value) };
}

function line({ protocol, family, localAddress, localPort, remoteAddress, remotePort, state }: ListedSocket): string {
  return `${protocol}${family} ${localAddress} ${localPort} ${remoteAddress} ${remotePort} ${state}`;
}

/** Every row that must be there, and those of them that listen. */
function expectedRows({ sockets }: OpenedSockets): { readonly all: string[]; readonly listening: string[] } {
  const listening: string[] = [], ends: string[] = [];
  for (const { address, port, clientPort, udpPort } of sockets) {
    const [family, any] = address === "::1" ? [6, "::"] : [4, "0.0.0.0"];
    listening.push(`tcp${family} ${address} ${port} ${any} 0 LISTEN`, `udp${family} ${address} ${udpPort} ${any} 0 `);
    ends.push(`tcp${family} ${address} ${port} ${address} ${clientPort} ESTABLISHED`);
    ends.push(`tcp${family} ${address} ${clientPort} ${address} ${port} ESTABLISHED`);
  }
  return { all: [...listening, ...ends].sort(), listening: listening.sort() };
}
