/** The portserver protocol over a named pipe of Windows; tests/os/wine_test.ts runs it. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { Portserver } from "../../src/compat/portserver.ts";
import { openTestDomain } from "../support/domain.ts";
import { FakeMachine } from "../support/machine.ts";

/** What a client reads until the end. */
async function ask(path: string, request: string): Promise<string> {
  const client = connect(path);
  return await new Promise((resolve, reject) => {
    let answer = "";
    client.on("data", (bytes) => answer += bytes.toString());
    client.on("error", reject);
    client.on("close", () => resolve(answer));
    client.write(request);
  });
}

function pipeTest(name: string, run: (path: string, machine: FakeMachine) => Promise<void>): void {
  if (Deno.build.os !== "windows") return; // elsewhere there are no such pipes, and it is no skip
  Deno.test(name, async () => {
    const machine = new FakeMachine(), address = `@portd-${crypto.randomUUID()}`;
    await using test = await openTestDomain({ machine });
    const logged: string[] = [];
    const server = await Portserver.open(address, { ...test.domain, log: (line) => logged.push(line) });
    try {
      await run(`\\\\.\\pipe\\${address.slice(1)}`, machine);
    } finally {
      await server.close();
    }
    assert.deepEqual(logged, []);
  });
}

pipeTest("a process gets a port over a named pipe, and one that does not run gets nothing", async (path, machine) => {
  machine.start(4711);
  assert.match(await ask(path, "4711\n"), /^2\d{4}\n$/);
  assert.equal(await ask(path, "4712\n"), "");
  assert.equal(await ask(path, "abc\n"), "");
});

pipeTest("clients one after the other get a port each", async (path, machine) => {
  machine.start(4711);
  const answers = new Set<string>();
  for (let i = 0; i < 8; i++) answers.add(await ask(path, "4711\n"));
  assert.equal(answers.size, 8);
});
