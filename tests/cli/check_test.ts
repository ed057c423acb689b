/** `portd check` inside this process: a fake daemon says what it found, and a real checker on loopback is asked. */
import assert from "node:assert/strict";
import { judge } from "../../src/reach/judge.ts";
import type { ReachReport, ReachRequest } from "../../src/reach/reach.ts";
import { openChecker } from "../support/checker.ts";
import { checkFailure, commandTest, type Setting } from "../support/command_setting.ts";
import { respond } from "../support/raw_server.ts";
import { factsWith, GAME_PORT, lineWith, mappingWith, networkWith, OUTER } from "../support/reach_facts.ts";
import { freePort, listen } from "../support/sockets.ts";

/** The daemon answers every check with this report. @returns what it was asked. */
function reports({ daemon }: Setting, reportFor: (request: ReachRequest) => ReachReport): ReachRequest[] {
  const asked: ReachRequest[] = [];
  daemon.fault = ({ method, path, body }) => {
    if (method !== "POST" || !/^\/v1\/ports\/\d+\/check$/.test(path)) return undefined;
    asked.push(body as ReachRequest);
    return respond(JSON.stringify(reportFor(body as ReachRequest)));
  };
  return asked;
}

/** A report about a port of this machine, as from a machine whose only address is 127.0.0.1. */
function local(port: number, request: ReachRequest): ReachReport {
  return judge(
    factsWith({
      port,
      from: "lan",
      network: networkWith("127.0.0.1"),
      mapping: null,
      protocol: request.protocol ?? "tcp",
    }),
  );
}

commandTest(
  "portd check prints every layer, first what it comes to, and ends with 8 while nothing is proven",
  async (setting) => {
    const asked = reports(
      setting,
      () => judge(factsWith({ line: lineWith({ verdict: "unknown", reason: "nobody has asked" }) })),
    );
    const { code, stdout } = await setting.run(["check", `${GAME_PORT}`]);
    const lines = stdout.trimEnd().split("\n");
    assert.deepEqual([code, asked], [8, [{ protocol: "tcp", asks: true }]]);
    assert.equal(
      lines[0],
      `port ${GAME_PORT}/tcp is not proven open at ${OUTER}:${GAME_PORT}: not known is line, and nobody outside has tried (--via)`,
    );
    assert.deepEqual(
      lines.slice(1).map((line) => line.trim().split(/ +/).slice(0, 2).join(" ")),
      [
        "listener ok",
        "bind ok",
        "lan ok",
        "rule ok",
        "mapping ok",
        "gateway ok",
        "line unknown",
        "next portd",
        "hairpin ok",
      ],
    );
  },
);

commandTest("portd check names the broken layer first, and ends with 1", async (setting) => {
  reports(setting, () => judge(factsWith({ look: "gone", hairpin: null })));
  const { code, stdout } = await setting.run(["check", `${GAME_PORT}`]);
  assert.equal(code, 1);
  assert.match(stdout, new RegExp(`^port ${GAME_PORT}/tcp is closed: mapping: the router has forgotten it`));
  assert.match(stdout, /next +portd asks for it again by itself; at once: portd open shop\/game --router/);
});

commandTest("portd check of a name takes its lease's protocol, and --json prints the report", async (setting) => {
  await setting.daemon.grant({ name: "voice", project: "shop", protocols: ["udp"], holder: { id: "test" } });
  const asked = reports(setting, () => judge(factsWith()));
  const { code, stdout } = await setting.run(["check", "shop/voice", "--json", "--ipv6"]);
  assert.deepEqual([code, asked], [8, [{ protocol: "udp", family: "ipv6", asks: true }]]);
  assert.deepEqual(JSON.parse(stdout), judge(factsWith()));
  await setting.daemon.grant({ name: "web", project: "shop", holder: { id: "test" } });
  await checkFailure(setting.run(["check", "shop/web", "--udp"]), 2, /--udp: the lease "shop\/web" is of TCP only/);
});

commandTest("portd check asks nothing of the router without the token", async (setting) => {
  const asked = reports(setting, () => judge(factsWith()));
  await setting.run(["check", `${GAME_PORT}`], { env: { PORTD_TOKEN: "" } });
  assert.deepEqual(asked, [{ protocol: "tcp", asks: false }]);
});

commandTest("portd check --via has a checker dial, and is 0 when it gets there", async (setting) => {
  using server = listen(0, "0.0.0.0");
  const asked = reports(setting, (request) => local(server.port, request));
  await using checker = openChecker();
  const { code, stdout } = await setting.run(["check", `${server.port}`, "--via", checker.url]);
  assert.equal(code, 0, stdout);
  assert.match(
    stdout,
    new RegExp(`^port ${server.port}/tcp is open at 127\\.0\\.0\\.1:${server.port}, for the networks`),
  );
  assert.deepEqual(checker.dialled, [{ address: "127.0.0.1", port: server.port, protocol: "tcp" }]);
  // The checker is on a network of this machine: the daemon is asked again, about that one.
  assert.deepEqual(asked.map(({ from }) => from), ["internet", "lan"]);
});

commandTest("portd check --listen answers by itself, for UDP too, and its checker proves it", async (setting) => {
  await using checker = openChecker();
  for (const flags of [[], ["--udp"]]) {
    const port = freePort();
    const asked = reports(setting, (request) => local(port, request));
    const { code, stdout } = await setting.run(["check", `${port}`, "--listen", "--via", checker.url, ...flags]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /portd's listener here answered$/m);
    assert.match(asked[0]!.nonce!, /^[0-9a-f]{32}$/);
  }
});

commandTest("portd check --listen is refused where somebody listens, and says so", async (setting) => {
  using server = listen(0, "0.0.0.0");
  await checkFailure(
    setting.run(["check", `${server.port}`, "--listen"]),
    4,
    /leave --listen out, or stop that server first/,
  );
});

commandTest("portd check --via dials the outer port, and is closed when nobody gets there", async (setting) => {
  const outer = freePort();
  reports(setting, () => judge(factsWith({ mapping: mappingWith({ external: { address: OUTER, port: outer } }) })));
  await using checker = openChecker({ allowPrivate: true });
  await setting.run(["check", `${GAME_PORT}`, "--via", checker.url]);
  assert.equal(checker.dialled[0]!.port, outer);
});

commandTest("a UDP service is not asked for: its silence would prove nothing", async (setting) => {
  reports(setting, () => judge(factsWith({ protocol: "udp" })));
  await using checker = openChecker();
  const { code, stdout } = await setting.run(["check", `${GAME_PORT}`, "--udp", "--via", checker.url]);
  assert.deepEqual([code, checker.dialled], [8, []]);
  assert.match(stdout, /outside +unknown +a UDP service need not answer strangers: .*\(--listen\)$/m);
});

commandTest(
  "a checker that refuses or is not there proves nothing, and what it says cannot move the cursor",
  async (setting) => {
    reports(setting, () => judge(factsWith()));
    await using checker = openChecker({ allowPrivate: false });
    const refused = await setting.run(["check", `${GAME_PORT}`, "--via", checker.url]);
    assert.equal(refused.code, 8);
    assert.match(
      refused.stdout,
      /outside +unknown +the checker .*: it refuses \(HTTP 403\): Cannot check a port of 127\.0\.0\.1/,
    );
    const absent = await setting.run(["check", `${GAME_PORT}`, "--via", `http://127.0.0.1:${freePort()}`]);
    assert.match(absent.stdout, /nobody listens there$/m);
    reports(setting, () => {
      const report = judge(factsWith());
      return { ...report, layers: report.layers.map((layer) => ({ ...layer, reason: "a\u001b[2Jb" })) };
    });
    const { stdout } = await setting.run(["check", `${GAME_PORT}`]);
    assert.ok(!stdout.includes("\u001b") && stdout.includes("a\\x1b[2Jb"));
  },
);

commandTest("faults of the command line are usage errors", async ({ run }) => {
  await checkFailure(run(["check", "80", "--via", "check.example.org"]), 2, /--via: must be an address like http/);
  await checkFailure(run(["check", "80", "--ipv4", "--ipv6"]), 2, /--ipv4 together with --ipv6/);
  await checkFailure(run(["check", "0"]), 2, /a port from 1 to 65535/);
  await checkFailure(run(["checker", "--listen", "7679"]), 2, /an address like 0\.0\.0\.0:7679/);
});
