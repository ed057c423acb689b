/** The protocol of gRPC's port_server, and the leases that it makes. */
import assert from "node:assert/strict";
import { grpcPortServer } from "../../src/compat/grpc_port_server.ts";
import { openTestDomain, type TestDomain } from "../support/domain.ts";
import { FakeMachine } from "../support/machine.ts";

const HOST = "127.0.0.1:32766";
const INFO = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
  completed: Promise.resolve(),
} as const;

interface Setting {
  readonly test: TestDomain;
  readonly quits: number;
  /** @returns the status and the body. */
  get(path: string, headers?: Record<string, string>): Promise<readonly [number, string]>;
}

function grpcTest(name: string, run: (setting: Setting) => Promise<void>, allowQuit = false): void {
  Deno.test(name, async () => {
    await using test = await openTestDomain({ machine: new FakeMachine(), poolSize: 4 });
    let quits = 0;
    const handler = grpcPortServer({
      ...test.domain,
      local: () => ({ address: "127.0.0.1", port: 32766 }),
      quit: allowQuit ? () => quits++ : undefined,
    });
    await run({
      test,
      get quits() {
        return quits;
      },
      async get(path, headers = {}) {
        const answer = await handler(
          new Request(`http://${HOST}${path}`, { headers: { host: HOST, ...headers } }),
          INFO,
        );
        return [answer.status, await answer.text()];
      },
    });
  });
}

grpcTest("/get answers a port in digits, and /drop gives it back", async ({ test, get }) => {
  const [status, port] = await get("/get");
  assert.equal(status, 200);
  assert.match(port, /^2\d{4}$/);
  const [lease] = [...test.domain.registry.table.all()];
  assert.deepEqual([lease!.port, lease!.protocols, lease!.labels], [Number(port), ["tcp", "udp"], { compat: "grpc" }]);
  assert.deepEqual(await get(`/drop/${port}`), [200, ""]);
  assert.equal(test.domain.registry.table.size, 0);
});

grpcTest("ports differ until there is none", async ({ get }) => {
  const ports = new Set<string>();
  for (let i = 0; i < 4; i++) ports.add((await get("/get"))[1]);
  assert.equal(ports.size, 4);
  assert.equal((await get("/get"))[0], 503);
});

grpcTest("/drop of what was not had here does nothing, and of what is no port is refused", async ({ test, get }) => {
  const { port } = (await test.domain.registry.grant({
    project: null,
    wishes: [{ name: null, protocols: ["tcp"], prefer: [], pool: "default" }],
    contiguous: false,
    owner: null,
    holder: { id: "somebody", command: null, cwd: null },
    pid: null,
    lifetime: { kind: "pinned" },
    labels: undefined,
    exposure: undefined,
    mayExpose: false,
    waitMs: 0,
  })).leases[0]!;
  assert.deepEqual(await get(`/drop/${port}`), [200, ""]);
  assert.deepEqual(await get("/drop/1"), [200, ""]);
  assert.equal(test.domain.registry.table.size, 1);
  for (const word of ["", "x", "0", "70000", "-1", "1/2"]) assert.equal((await get(`/drop/${word}`))[0], 400, word);
});

grpcTest("a port on which nobody listens is given back after ten minutes", async ({ test, get }) => {
  await get("/get");
  test.clock.advance(599_000);
  await test.domain.watch.look();
  assert.equal(test.domain.registry.table.size, 1);
  test.clock.advance(2000);
  await test.domain.watch.look();
  assert.equal(test.domain.registry.table.size, 0);
});

grpcTest("/version_number and /dump tell what its clients ask for", async ({ test, get }) => {
  assert.deepEqual(await get("/version_number"), [200, "1000"]);
  const port = Number((await get("/get"))[1]);
  test.clock.advance(1500);
  const others = [0, 1, 2, 3].map((i) => test.first + i).filter((each) => each !== port);
  const [, dump] = await get("/dump");
  assert.match(dump, new RegExp(`^in_use:\n  ${port}: 1\\.5\npool: \\[`));
  for (const other of others) assert.ok(dump.includes(String(other)), dump);
});

grpcTest("/quitquitquit is ignored", async ({ get, quits }) => {
  assert.deepEqual(await get("/quitquitquit"), [200, ""]);
  assert.equal(quits, 0);
});

grpcTest("/quitquitquit ends the daemon where that is allowed", async (setting) => {
  await setting.get("/quitquitquit");
  assert.equal(setting.quits, 1);
}, true);

grpcTest("web pages, other names and other calls are refused", async ({ test, get }) => {
  for (
    const headers of [{ host: "evil.example:32766" }, { origin: "http://evil.example" }, {
      "sec-fetch-site": "cross-site",
    }]
  ) {
    assert.equal((await get("/get", headers as Record<string, string>))[0], 403, JSON.stringify(headers));
  }
  assert.equal((await get("/gets"))[0], 404);
  assert.equal(test.domain.registry.table.size, 0);
});
