/** The scanner of macOS over a program instead of lsof; tests/os/listeners_test.ts runs it over a real one. */
import assert from "node:assert/strict";
import { GenericHolds } from "../../src/hold/generic.ts";
import { DarwinScanner } from "../../src/listener/darwin/scan.ts";
import type { Program } from "../../src/os/program.ts";
import { temporaryFolder } from "../support/folder.ts";
import { freePort, listen } from "../support/sockets.ts";

const ALL = await Deno.readTextFile(new URL("../testdata/darwin/lsof_all.txt", import.meta.url));

/** The output of the program that is used instead of lsof, for any arguments. */
interface Answer {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
}

function scannerOf(command: Program): DarwinScanner {
  return new DarwinScanner(new GenericHolds(), command);
}

/** A scanner that asks such a program, and what it asked it for. */
async function scannerOver({ stdout = "", stderr = "", code = 0 }: Answer) {
  const folder = await temporaryFolder();
  const [program, asked] = [`${folder.path}/lsof.ts`, `${folder.path}/asked.json`];
  const text = (value: string) => JSON.stringify(value);
  await Deno.writeTextFile(
    program,
    `await Deno.writeTextFile(${text(asked)}, JSON.stringify(Deno.args));
     await Deno.stdout.write(new TextEncoder().encode(${text(stdout)}));
     await Deno.stderr.write(new TextEncoder().encode(${text(stderr)}));
     Deno.exit(${code});`,
  );
  return {
    scanner: scannerOf([Deno.execPath(), "run", "--quiet", "--no-config", "--allow-write", program]),
    asked: async () => JSON.parse(await Deno.readTextFile(asked)) as string[],
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("the macOS scanner asks lsof for no more than is wanted", async () => {
  await using lsof = await scannerOver({ stdout: ALL });
  const tcp = { protocol: "tcp", port: 3000 } as const, udp = { protocol: "udp", port: 5353 } as const;
  const { scanner } = lsof;
  const cases = [
    [() => scanner.listening([tcp]), ["-iTCP", "-sTCP:LISTEN"]],
    [() => scanner.listening([udp]), ["-iUDP"]],
    [() => scanner.listening([tcp, udp]), ["-iTCP", "-iUDP"]],
    [() => scanner.sockets({ connections: false }), ["-iTCP", "-iUDP"]],
    [() => scanner.sockets({ connections: true }), ["-iTCP", "-iUDP"]],
    [() => scanner.socketsOn(tcp), ["-iTCP:3000"]],
    [() => scanner.socketsOn(udp), ["-iUDP:5353"]],
  ] as const;
  for (const [look, selection] of cases) {
    await look();
    assert.deepEqual(await lsof.asked(), ["-n", "-P", "-w", ...selection, "-F", "puftdPnT"]);
  }
});

Deno.test("the macOS scanner answers what was asked for, with the processes", async () => {
  await using lsof = await scannerOver({ stdout: ALL, code: 1 }); // 1: nothing was found for a part of the question
  const { scanner } = lsof;
  const places = (rows: Awaited<ReturnType<typeof scanner.sockets>>) =>
    rows.map(({ protocol, localPort, state, pid }) => `${protocol} ${localPort} ${state || "-"} ${pid}`);
  const endpoints = [{ protocol: "tcp", port: 3000 }, { protocol: "udp", port: 5353 }] as const;
  assert.deepEqual(places(await scanner.listening(endpoints)), [
    "udp 5353 - 498",
    "udp 5353 - 498",
    "tcp 3000 LISTEN 733",
  ]);
  assert.deepEqual(places(await scanner.socketsOn({ protocol: "tcp", port: 3000 })), [
    "tcp 3000 LISTEN 733",
    "tcp 3000 ESTABLISHED 733",
  ]);
  const listening = await scanner.sockets({ connections: false });
  assert.equal(listening.length, 6);
  assert.equal((await scanner.sockets({ connections: true })).length, 12);
  assert.equal(await scanner.identify(listening), listening);
  scanner.close();
});

Deno.test("the macOS scanner finds a port in use whose process lsof does not show", async () => {
  await using lsof = await scannerOver({ code: 1 });
  using stranger = listen();
  const used = { protocol: "tcp", port: stranger.port } as const;
  const free = { protocol: "tcp", port: freePort() } as const;
  for (const rows of [await lsof.scanner.listening([used, free]), await lsof.scanner.socketsOn(used)]) {
    assert.deepEqual(rows.map(({ localPort, state, pid }) => [localPort, state, pid]), [[used.port, "LISTEN", null]]);
  }
  assert.deepEqual(await lsof.scanner.socketsOn(free), []);
});

Deno.test("the macOS scanner does not take a fault of lsof for an empty machine", async () => {
  const endpoint = { protocol: "tcp", port: freePort() } as const;
  await using fault = await scannerOver({ code: 1, stderr: "lsof: illegal option\nusage: ...\n" });
  await assert.rejects(
    fault.scanner.listening([endpoint]),
    /^Error: Cannot list sockets: .*exit code 1: lsof: illegal/,
  );
  await using killed = await scannerOver({ stdout: ALL, code: 137 });
  await assert.rejects(killed.scanner.sockets({ connections: true }), /Cannot list sockets: .* exit code 137/);
  const absent = scannerOf(["/nonexistent/lsof"]);
  await assert.rejects(absent.listening([endpoint]), {
    message: "Cannot list sockets: /nonexistent/lsof is not installed",
  });
  assert.deepEqual(await absent.listening([]), []); // nothing to ask
});
