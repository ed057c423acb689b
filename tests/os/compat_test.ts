/** Tools that ask another port server for ports ask portd instead: Debian's python3-portpicker, and gRPC's protocol. */
import assert from "node:assert/strict";
import { call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { linesOf } from "../support/os/lines.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";
import { untilLookedAt } from "../support/os/runs.ts";
import { freePort } from "../support/sockets.ts";
import { retryUntil, within } from "../../src/wait.ts";

/** A process that takes a port, tells it, and keeps it until its input ends. */
const PICK = "import portpicker, sys; print(portpicker.pick_unused_port(), flush=True); sys.stdin.read()";
const PROCESSES = 64;

/** Starts processes that pick a port each, all at once. */
function pickers(address: string): readonly Deno.ChildProcess[] {
  return Array.from({ length: PROCESSES }, () =>
    new Deno.Command("/usr/bin/python3", {
      args: ["-c", PICK],
      env: { PORTSERVER_ADDRESS: address },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn());
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  for await (const line of linesOf(stream)) return line;
}

osTest("64 processes with python_portpicker get 64 ports, which come back when they end", [
  linux,
  tools("portserver", "python3"),
], async () => {
  const address = `@portd-${crypto.randomUUID()}`;
  await using installation = await Installation.create({ env: { PORTD_COMPAT_PORTSERVER: address } });
  await installation.answer(["serve", "--detach"]);
  const url = `${(await installation.daemon()).url}/v1`;
  const processes = pickers(address);
  const ports = await Promise.all(processes.map(async ({ stdout }) => Number(await firstLine(stdout))));
  assert.equal(new Set(ports).size, PROCESSES);
  const leases = await liveLeases(url);
  assert.deepEqual(leases.map(({ port }) => port).sort(), [...ports].sort());
  assert.deepEqual(new Set(leases.map(({ holder }) => holder.pid)), new Set(processes.map(({ pid }) => pid)));
  await Promise.all(processes.map(({ stdin }) => stdin.close()));
  await Promise.all(processes.map(({ status }) => status));
  await untilLookedAt(installation);
  assert.deepEqual(await liveLeases(url), []);
});

/**
 * Forty requests: those of tests that work, and whatever else may arrive. None is negative: portserver never answers that.
 *
 * @param pids are those of two processes that run.
 */
function fortyRequests([own, other]: readonly [number, number]): readonly Uint8Array[] {
  const working = [
    `${own}\n`,
    `${own}`,
    ` ${own} \n`,
    `+${own}\n`,
    `${own}\r\n`,
    `\t${own}`,
    `0${own}\n`,
    `00000000${own}`,
  ];
  const dead = ["4194304\n", "4194303\n", "99999999\n", "2147483647\n"];
  const refused = [
    "",
    "\n",
    "0\n",
    "1\n",
    "01\n",
    "+0\n",
    "+1\n",
    "abc\n",
    `${own}x\n`,
    `x${own}\n`,
    "0x10\n",
    "1e3\n",
  ];
  const odd = [
    "4.5\n",
    `${own} ${other}\n`,
    `${own}\n${other}\n`,
    "_5\n",
    "5_\n",
    "5__5\n",
    `${own}\0\n`,
    "99999999999999999999\n",
  ];
  const long = ["1".repeat(21), " ".repeat(17) + own, `${" ".repeat(30)}${own}`, "x".repeat(200)];
  const bytes = [[0xff, 0xfe], [0], [0xc2, 0xb2]].map((each) => new Uint8Array(each));
  const texts = [...working, ...dead, ...refused, ...odd, ...long].map((text) => new TextEncoder().encode(text));
  return [...texts, ...bytes, new TextEncoder().encode(`${other}\n`)];
}

/** How long a server may take. */
const PATIENCE_MS = 20_000;

/** What a server answers: a port as `port`, or what else came. */
async function askServer(path: string, request: Uint8Array): Promise<string> {
  using client = await Deno.connect({ transport: "unix", path });
  if (request.length > 0) await client.write(request);
  await client.closeWrite();
  const answer = await within(new Response(client.readable).text(), PATIENCE_MS);
  return answer === undefined ? "no end" : /^[1-9]\d{3,4}\n$/.test(answer) ? "port" : answer;
}

osTest("portd and Debian's portserver give the same answers to the same 40 requests", [
  linux,
  tools("portserver", "python3"),
], async () => {
  await using installation = await Installation.create();
  const ours = `${installation.folder}/ours`, theirs = `${installation.folder}/theirs`;
  await installation.answer(["serve", "--detach", "--set", `compat.portserver=${ours}`]);
  await using _other = new Deno.Command("/usr/bin/portserver", {
    args: ["--portserver_unix_socket_address", theirs, "--portserver_static_pool", "30100-30199"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const isThere = () => Deno.lstat(theirs).then(() => true, () => undefined);
  await retryUntil(isThere, { pauseMs: 100 });
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
  try {
    const requests = fortyRequests([Deno.pid, child.pid]);
    assert.equal(requests.length, 40);
    const answers = async (path: string) => {
      const all: string[] = [];
      for (const request of requests) all.push(await askServer(path, request));
      return all;
    };
    const [own, expected] = [await answers(ours), await answers(theirs)];
    const differing = requests.flatMap((request, i) =>
      own[i] === expected[i]
        ? []
        : [`${JSON.stringify(new TextDecoder().decode(request))}: ${own[i]}, theirs ${expected[i]}`]
    );
    assert.deepEqual(differing, []);
    assert.ok(own.filter((answer) => answer === "port").length >= 8);
    assert.ok(own.filter((answer) => answer === "").length >= 20);
  } finally {
    await child.stdin.close();
    await child.status;
  }
});

osTest("a client of gRPC's port_server gets ports, drops them and dumps", [linux, tools("curl")], async () => {
  const port = freePort();
  await using installation = await Installation.create({ env: { PORTD_COMPAT_GRPC: `127.0.0.1:${port}` } });
  await installation.answer(["serve", "--detach"]);
  const curl = (path: string, ...flags: string[]) =>
    runTool("curl", ["--silent", "--show-error", "--noproxy", "*", ...flags, `http://localhost:${port}${path}`]);
  const head = await curl("/get", "--include");
  assert.match(head, /^HTTP\/1\.1 200 /);
  assert.match(head, /^content-length: 5\r$/m);
  assert.doesNotMatch(head, /transfer-encoding/);
  const first = head.slice(-5), second = await curl("/get");
  assert.match(second, /^2\d{4}$/);
  assert.notEqual(first, second);
  const { body } = await call(`${(await installation.daemon()).url}/v1`, "GET", `/leases/by-port/${first}`);
  assert.deepEqual(body?.labels, { compat: "grpc" });
  const [inUse, pool] = (await curl("/dump")).split("\npool: ");
  assert.match(inUse!, new RegExp(`^in_use:\n  ${first}: [\\d.]+\n  ${second}: [\\d.]+$`));
  assert.ok(!pool!.includes(first) && pool!.split(",").length > 1000);
  assert.equal(await curl(`/drop/${first}`), "");
  assert.doesNotMatch(await curl("/dump"), new RegExp(`  ${first}:`));
  assert.equal(await curl("/version_number"), "1000");
  assert.equal(await curl("/quitquitquit"), "");
  assert.equal(await curl("/version_number"), "1000");
});

osTest(
  "an address that another program has is a warning, and the daemon serves",
  [linux, tools("python3")],
  async () => {
    const address = `@portd-${crypto.randomUUID()}`;
    using _other = Deno.listen({ transport: "unix", path: `\0${address.slice(1)}` });
    await using installation = await Installation.create({ env: { PORTD_COMPAT_PORTSERVER: address } });
    await installation.answer(["serve", "--detach"]);
    const { warnings } = JSON.parse(await installation.answer(["status", "--json"]));
    assert.deepEqual(warnings.filter((each: string) => each.includes("compat")), [
      `compat.portserver: Cannot listen on ${address}: another program listens there`,
    ]);
  },
);
