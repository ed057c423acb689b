/** Sockets and processes of Windows, told by Deno for Windows under Wine. */
import assert from "node:assert/strict";
import type { ListedSocket } from "../../src/listener/listener.ts";
import { linesOf } from "../support/os/lines.ts";
import { osTest } from "../support/os/requirement.ts";
import { Wine } from "../support/os/wine.ts";
import { WINE } from "../support/os/wine_root.ts";
import type { OpenedSockets } from "../support/os/wine_sockets.ts";
import { freePort } from "../support/sockets.ts";

type Environment = Readonly<Record<string, string>>;

/** What `portd ps` tells. */
async function ps(wine: Wine, env: Environment, ...args: readonly string[]): Promise<readonly ListedSocket[]> {
  const { code, stdout, stderr } = await wine.portd(["ps", ...args, "--json"], { env });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).listeners;
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

/** Starts the program that opens sockets. */
async function openSockets(wine: Wine): Promise<{ readonly child: Deno.ChildProcess; readonly opened: OpenedSockets }> {
  const args = ["run", "--no-prompt", "--allow-net", "--cached-only", wine.path("tests/support/os/wine_sockets.ts")];
  const child = wine.spawn(args, { stdin: "piped" });
  const { value, done } = await linesOf(child.stdout).next();
  if (done) throw new Error(`Cannot open sockets: ${await new Response(child.stderr).text()}`);
  return { child, opened: JSON.parse(value) };
}

osTest("on Windows portd ps tells every socket with its state and process", WINE, async () => {
  await using wine = await Wine.start();
  const env = { PORTD_STATE_DIR: "C:\\portd", PORTD_LISTEN: `127.0.0.1:${freePort()}` };
  // Compiled once, so that the daemon's start is not the time of that, which is long on a busy machine.
  const compiled = await wine.deno(["cache", "--no-check", wine.path("main.ts")]);
  assert.equal(compiled.code, 0, compiled.stderr);
  const { child, opened } = await openSockets(wine);
  // The first command starts the daemon.
  const { code, stderr } = await wine.portd(["lease", "web", "--json"], { env, leavesAnother: true });
  assert.equal(code, 0, stderr);
  const { all, listening } = expectedRows(opened);
  const rows = await ps(wine, env, "--all", "--pid", String(opened.pid));
  assert.deepEqual(rows.map(line).sort(), all);
  for (const { pid, process } of rows) {
    assert.equal(pid, opened.pid);
    assert.match(process!.command!, /^"?Z:\\box\\deno\.exe"? run .*wine_sockets\.ts$/);
    assert.match(process!.cwd!, /^Z:\\box\\portd$/);
    assert.match(process!.user!, /\\root$/);
  }
  const ours = (row: ListedSocket) => row.pid === opened.pid;
  assert.deepEqual((await ps(wine, env)).filter(ours).map(line).sort(), listening);
  const [{ port }] = opened.sockets as [OpenedSockets["sockets"][0]];
  assert.deepEqual((await ps(wine, env, "--port", String(port))).map(({ pid }) => pid), [opened.pid]);
  await child.stdin.close();
  await child.stderr.cancel();
  await child.status;
  assert.deepEqual((await ps(wine, env, "--all")).filter(ours), [], "rows of a program that is gone");
  const stopped = await wine.portd(["stop"], { env });
  assert.equal(stopped.code, 0, stopped.stderr);
});

osTest("on Windows the tests of its scanner and of its processes pass", WINE, async () => {
  await using wine = await Wine.start();
  const files = ["tests/listener/windows_scan_test.ts", "tests/process/windows_processes_test.ts"];
  const flags = ["--no-prompt", "-A", "--no-check", "--cached-only"];
  const { code, stdout, stderr } = await wine.deno(["test", ...flags, ...files]);
  assert.match(stdout, /^ok \| 11 passed \| 0 failed \(/m, stdout + stderr);
  assert.equal(code, 0);
});
