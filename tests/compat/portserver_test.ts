/** The portserver protocol over real sockets, and the leases that it makes. */
import assert from "node:assert/strict";
import { Portserver } from "../../src/compat/portserver.ts";
import { PortdError } from "../../src/errors.ts";
import { openTestDomain, type TestDomain } from "../support/domain.ts";
import { temporaryFolder } from "../support/folder.ts";
import { linuxTest } from "../support/linux_only.ts";
import { FakeMachine } from "../support/machine.ts";

/** A server at a path of its own, over a machine in memory. */
interface Setting {
  readonly test: TestDomain;
  readonly machine: FakeMachine;
  readonly path: string;
  readonly logged: string[];
}

function portserverTest(name: string, run: (setting: Setting) => Promise<void>, poolSize = 5): void {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    const machine = new FakeMachine(), logged: string[] = [];
    await using test = await openTestDomain({ machine, poolSize });
    const path = `${folder.path}/portserver`;
    const server = await Portserver.open(path, { ...test.domain, log: (line) => logged.push(line) });
    try {
      await run({ test, machine, path, logged });
    } finally {
      await server.close();
    }
    assert.equal(await exists(path), false);
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** What a client reads until the end. */
async function ask(path: string, request: string | Uint8Array): Promise<string> {
  using client = await Deno.connect({ transport: "unix", path });
  const bytes = typeof request === "string" ? new TextEncoder().encode(request) : request;
  if (bytes.length > 0) await client.write(bytes);
  else await client.closeWrite();
  let answer = "";
  const piece = new Uint8Array(64);
  for (let length; (length = await client.read(piece)) !== null;) {
    answer += new TextDecoder().decode(piece.subarray(0, length));
  }
  return answer;
}

portserverTest("a process gets a port for TCP and UDP until it ends", async ({ test, machine, path }) => {
  machine.start(4711, { command: "tests" });
  const answer = await ask(path, "4711\n");
  assert.match(answer, /^2\d{4}\n$/);
  const [lease] = [...test.domain.registry.table.all()];
  assert.equal(`${lease!.port}\n`, answer);
  assert.deepEqual(
    [lease!.protocols, lease!.hold, lease!.lifetime, lease!.holder.pid, lease!.labels],
    [["tcp", "udp"], "none", { kind: "process", graceMs: 0 }, 4711, { compat: "portserver" }],
  );
  machine.processes.delete(4711);
  await test.domain.watch.look();
  assert.equal(test.domain.registry.table.size, 0);
});

portserverTest("one process may have several ports, and never one twice", async ({ machine, path }) => {
  machine.start(4711);
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask(path, "4711")));
  assert.equal(new Set(answers).size, 5);
  assert.equal(await ask(path, "4711"), ""); // all are leased
});

portserverTest(
  "what is no request, or of no process, gets no byte and leaves nothing",
  async ({ test, path, logged }) => {
    for (
      const request of ["", "0\n", "1\n", "-4711\n", "abc\n", "99999\n", "4".repeat(30), new Uint8Array([0xff, 0, 10])]
    ) {
      assert.equal(await ask(path, request), "", JSON.stringify(request));
    }
    assert.equal(test.domain.registry.table.size, 0);
    assert.deepEqual(logged, []);
  },
);

portserverTest("a client that leaves without a word harms nobody", async ({ machine, path }) => {
  machine.start(4711);
  for (let i = 0; i < 20; i++) (await Deno.connect({ transport: "unix", path })).close();
  assert.match(await ask(path, "4711"), /^\d+\n$/);
});

portserverTest(
  "an address on which another program listens is refused, and stays that program's",
  async ({ test, machine, path }) => {
    await assert.rejects(
      Portserver.open(path, { ...test.domain, log: () => {} }),
      (error) => error instanceof PortdError && error.code === "port_in_use",
    );
    machine.start(4711);
    assert.match(await ask(path, "4711"), /^\d+\n$/);
  },
);

Deno.test("a socket that was left is replaced, and a file of another kind is not", async () => {
  await using folder = await temporaryFolder();
  await using test = await openTestDomain({ machine: new FakeMachine() });
  const parts = { ...test.domain, log: () => {} };
  const left = `${folder.path}/left`, file = `${folder.path}/file`;
  await leaveSocket(left);
  const server = await Portserver.open(left, parts);
  assert.equal(await ask(left, "7\n"), "");
  await server.close();
  await Deno.writeTextFile(file, "precious");
  await assert.rejects(Portserver.open(file, parts), /there is a file of that name that is no socket/);
  assert.equal(await Deno.readTextFile(file), "precious");
});

/** Leaves a socket on which nobody listens, as a killed process does. */
async function leaveSocket(path: string): Promise<void> {
  const code = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";
  const { success } = await new Deno.Command("python3", { args: ["-c", code, path], stdin: "null" }).output();
  assert.ok(success);
}

linuxTest("an address may be a name without a file", async () => {
  const machine = new FakeMachine(), name = `portd-test-${crypto.randomUUID()}`;
  await using test = await openTestDomain({ machine });
  machine.start(4711);
  const server = await Portserver.open(`@${name}`, { ...test.domain, log: () => {} });
  try {
    assert.match(await ask(`\0${name}`, "4711\n"), /^\d+\n$/);
    assert.deepEqual([...test.domain.registry.table.all()].map(({ owner }) => owner), ["unknown"]);
  } finally {
    await server.close();
  }
});
