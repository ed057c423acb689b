/** `portd open --router`: what it says of what the daemon's router answers, in every case. */
import assert from "node:assert/strict";
import { rightsMissing } from "../../../src/firewall/backend.ts";
import { PortdError } from "../../../src/errors.ts";
import { FakeSignals } from "../../support/cli.ts";
import { checkFailure, commandTest, type Setting } from "../../support/command_setting.ts";
import {
  answerEach,
  answerGateway,
  GAME_PORT,
  IPV6_ROUTER,
  leaseGame,
  mappingOf,
} from "../../support/gateway/answers.ts";
import { MUTE, respond } from "../../support/raw_server.ts";

const PORT = GAME_PORT;
const OUTSIDE = `203.0.113.7:${PORT}`;
const OPEN = ["open", `${PORT}`, "--router", "--yes"];
const IPV6 = {
  name: "eth0",
  family: "IPv6",
  address: "2400:db80::20",
  netmask: "",
  scopeid: 0,
  cidr: "",
  mac: "",
} as const;

const exposures = ({ daemon }: Setting) => daemon.leases.map(({ exposure }) => exposure);

commandTest("portd open --router opens firewall and router, and prints what the router confirms", async (setting) => {
  answerEach(setting.daemon);
  await leaseGame(setting.daemon);
  const { code, stdout, stderr } = await setting.run(["open", "game", "--router"]);
  assert.deepEqual([code, stdout], [0, `${OUTSIDE}\n`], stderr);
  assert.deepEqual(stderr.split("\n"), [
    "asking the router, for at most 15s",
    `opened shop/game (${PORT}/tcp) to any (nftables): set`,
    `${OUTSIDE}/tcp leads to 192.168.1.20:${PORT} (UPnP, renewed before 2026-11-23T22:20:36.000Z)`,
    "",
  ]);
  const [exposure] = exposures(setting);
  assert.deepEqual(exposure!.firewall.remote, ["any"]);
  assert.deepEqual(exposure!.gateway, { externalPort: null, ipv4: true, ipv6: false, lifetimeMs: 3_600_000 });
});

commandTest("portd open --router passes on what was asked for, and says whom the firewall lets in", async (setting) => {
  answerEach(setting.daemon, { family: "ipv6" }, { ipv6: IPV6_ROUTER });
  await leaseGame(setting.daemon);
  const pinhole = ["open", "game", "--router", "--ipv6", "--no-ipv4", "--remote", "LocalSubnet"];
  const { code, stdout, stderr } = await setting.run(pinhole, { interfaces: [IPV6] });
  assert.deepEqual([code, stdout], [0, `[2400:db80::20]:${PORT}\n`], stderr);
  assert.match(stderr, /^note: the firewall lets in this network only, and nobody from the internet: --remote any/m);
  assert.deepEqual(exposures(setting)[0]!.gateway!.ipv4, false);
  answerEach(setting.daemon);
  await setting.run(["open", "game", "--router", "--external", `${PORT}`]);
  assert.equal(exposures(setting)[0]!.gateway!.externalPort, PORT);
  const plain = await setting.run(["open", "game"]);
  assert.match(plain.stderr, /^note: before it was open to any, also at the router$/m);
  assert.equal(exposures(setting)[0]!.gateway, null);
});

commandTest(
  "flags that say nothing without --router, or contradict each other, are faults of usage",
  async ({ run, daemon }) => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["--external", "80"], /^portd: Cannot use --external without --router$/m],
      [["--ipv6"], /Cannot use --ipv6 without --router/],
      [["--all-or-nothing"], /Cannot use --all-or-nothing without --router/],
      [["--timeout", "5s"], /Cannot use --timeout without --router/],
      [["--router", "--no-ipv4"], /Cannot use --no-ipv4 without --ipv6/],
      [["--router", "--ipv6", "--no-ipv4", "--external", "80"], /a pinhole leads to the port itself/],
      [["--router", "--out"], /Cannot use --out together with --router/],
      [["--router", "--external", "abc"], /Cannot use "abc" for --external: must be a port from 1 to 65535/],
      [["--router", "--external", "0"], /Cannot use "0" for --external/],
      [["--router", "--external", "70000"], /Cannot use "70000" for --external/],
      [["--router", "--external", "-1"], /Cannot /],
      [["--router", "--timeout", "0"], /Cannot use "0" for --timeout: must be from 1s to 10m/],
      [["--router", "--timeout", "11m"], /must be from 1s to 10m/],
      [["--router", "--timeout", "soon"], /must be a duration like/],
    ];
    for (const [flags, words] of cases) await checkFailure(run(["open", `${PORT}`, "--yes", ...flags]), 2, words);
    for (const port of ["0", "70000", "-5"]) await checkFailure(run(["open", port, "--router"]), 2, /Cannot /);
    assert.deepEqual([daemon.leases, daemon.requests], [[], []]);
  },
);

commandTest("what the router refuses is said, and what works stays", async (setting) => {
  answerEach(setting.daemon, { state: "failed", external: null, via: null, reason: "UPnP error 606: not authorized" });
  const { code, stdout, stderr } = await setting.run(OPEN);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^opened \S+ \(25565\/tcp\) to any \(nftables\): set$/m);
  assert.match(
    stderr,
    /^failed: port 25565\/tcp is not open: UPnP error 606: not authorized\n {2}next: look at the page/m,
  );
  const [lease] = setting.daemon.leases;
  assert.deepEqual([lease!.state, lease!.exposure!.gateway!.ipv4], ["granted", true]);
  assert.equal(setting.daemon.machine.firewall.rules.length, 1);
});

commandTest("--all-or-nothing takes everything back, also a lease that was made", async (setting) => {
  answerEach(setting.daemon, { state: "failed", external: null, via: null, reason: "refused" });
  const { code, stdout, stderr } = await setting.run([...OPEN, "--all-or-nothing"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^failed: port 25565\/tcp is not open: refused\n.*\neverything was taken back, as not all of it works\n$/m,
  );
  assert.deepEqual([setting.daemon.leases[0]!.state, setting.daemon.machine.firewall.rules], ["released", []]);
  await leaseGame(setting.daemon);
  await setting.run(["open", "game", "--remote", "10.0.0.0/8"]);
  assert.equal((await setting.run(["open", "game", "--router", "--all-or-nothing"])).code, 1);
  const { firewall, gateway } = setting.daemon.leases[1]!.exposure!;
  assert.deepEqual([firewall.remote, gateway], [["10.0.0.0/8"], null]);
});

commandTest("--all-or-nothing says what the router has not deleted", async (setting) => {
  answerGateway(setting.daemon, {
    mappings: (lease) => [mappingOf(lease), mappingOf(lease, { family: "ipv6", state: "failed", reason: "refused" })],
    left: (lease) => [mappingOf(lease, { state: "leaving", reason: "the router is silent" })],
  });
  const { code, stderr } = await setting.run([...OPEN, "--ipv6", "--all-or-nothing"], { interfaces: [IPV6] });
  assert.equal(code, 1);
  const left = `${OUTSIDE}/tcp still leads to 192.168.1.20:25565: the router is silent; it ends by itself at 2026-`;
  assert.ok(stderr.includes(left), stderr);
});

commandTest("one of two protocols may work: its address is printed, and the other is a failure", async (setting) => {
  answerGateway(setting.daemon, {
    mappings: (lease) => [
      mappingOf(lease, { protocol: "tcp" }),
      mappingOf(lease, { protocol: "udp", state: "unusable", reason: "the line drops it" }),
    ],
  });
  const { code, stdout, stderr } = await setting.run([...OPEN, "--both"]);
  assert.deepEqual([code, stdout], [1, `${OUTSIDE}\n`]);
  assert.match(stderr, /^failed: port 25565\/udp is forwarded, but nothing arrives: the line drops it$/m);
});

commandTest(
  "without rights for the firewall the router still opens, and the command for the rights is said",
  async (setting) => {
    answerEach(setting.daemon);
    setting.daemon.machine.firewall.failure = rightsMissing("read the firewall", "nft needs root");
    const { code, stdout, stderr } = await setting.run(OPEN);
    assert.deepEqual([code, stdout], [1, `${OUTSIDE}\n`]);
    assert.match(stderr, /^failed: Cannot open a port: the daemon runs as me and needs .*portd stop/m);
    assert.doesNotMatch(stderr, /next: see why: portd firewall status/);
    const { leases } = setting.daemon;
    await checkFailure(
      setting.run(["open", "20500", "--router", "--yes", "--all-or-nothing"]),
      6,
      /needs an administrator's rights/,
    );
    assert.equal(setting.daemon.leases.length, leases.length, "nothing was leased");
    const closed = await setting.run(["close", `${PORT}`]);
    assert.deepEqual([closed.code, closed.stdout], [0, ""], closed.stderr);
    assert.match(closed.stderr, /^closed .*\nremoved 203\.0\.113\.7:25565\/tcp at the router$/m);
  },
);

commandTest("a firewall that fails is one failure of its own", async (setting) => {
  answerEach(setting.daemon);
  setting.daemon.machine.firewall.restless.add(`portd-in-tcp-${PORT}`);
  const { code, stdout, stderr } = await setting.run(OPEN);
  assert.deepEqual([code, stdout], [1, `${OUTSIDE}\n`]);
  assert.match(
    stderr,
    /^failed: Cannot keep the rule portd-in-tcp-25565: .*\n {2}next: see why: portd firewall status$/m,
  );
});

commandTest("a router that does not answer in time is waited for no longer than --timeout", async (setting) => {
  const gate = Promise.withResolvers<void>();
  answerEach(setting.daemon, { state: "making", external: null, via: null }, { ipv4: null, gate: gate.promise });
  const begun = performance.now();
  const { code, stdout, stderr } = await setting.run([...OPEN, "--timeout", "1s"]);
  const took = performance.now() - begun;
  gate.resolve();
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^failed: port 25565\/tcp is not forwarded: the router has not answered within 1s\n {2}next: portd keeps asking/m,
  );
  assert.ok(took < 30_000, `${took} ms`);
});

commandTest("Ctrl-C while the router is asked takes everything back", async (setting) => {
  for (const flags of [[], ["--json"]]) {
    const gate = Promise.withResolvers<void>(), signals = new FakeSignals();
    answerEach(setting.daemon, {}, { gate: gate.promise });
    const asked = setting.daemon.whenAsked("/v1/firewall/sync");
    const running = setting.run([...OPEN, ...flags], { signals });
    await asked;
    signals.send("SIGINT");
    const { code, stdout, stderr } = await running;
    gate.resolve();
    assert.deepEqual([code, stdout], [130, ""]);
    const end = "interrupted: everything is as it was";
    if (flags.length === 0) assert.ok(stderr.endsWith(`\n${end}\n`), stderr);
    else assert.deepEqual(JSON.parse(stderr).error, { code: "interrupted", message: end });
    assert.deepEqual([setting.daemon.leases.at(-1)!.state, signals.listeners], ["released", 0]);
  }
});

commandTest("a daemon that dies in the middle is named, with what closes the port again", async (setting) => {
  answerEach(setting.daemon);
  const { fault } = setting.daemon;
  setting.daemon.fault = (asked, honestly) => {
    if (asked.path !== "/v1/gateway/sync") return fault(asked, honestly);
    void setting.daemon[Symbol.asyncDispose]();
    return MUTE;
  };
  const { code, stdout, stderr } = await setting.run([...OPEN, "--timeout", "5s"]);
  assert.deepEqual([code, stdout], [3, ""], stderr);
  assert.match(stderr, /what was opened before could not be closed again: .*; close it with: portd close 25565\n$/);
});

commandTest("without the token nothing is opened or closed", async (setting) => {
  await checkFailure(setting.run(OPEN, { env: { PORTD_TOKEN: "" } }), 6, /token/);
  assert.deepEqual(setting.daemon.leases, []);
  await leaseGame(setting.daemon);
  await checkFailure(setting.run(["close", "game"], { env: { PORTD_TOKEN: "" } }), 6, /token/);
});

commandTest("what the router calls itself and says cannot control the terminal", async (setting) => {
  const evil = "\x1b]0;owned\x07\x1b[2J\nopened everything";
  const side = { family: "ipv4", protocol: "upnp", address: "192.168.1.1", name: evil, externalAddress: evil } as const;
  answerEach(setting.daemon, { state: "failed", reason: evil, external: { address: evil, port: 1 } }, {
    ipv4: side,
    faults: [evil],
  });
  const outcomes = [
    await setting.run(OPEN),
    await setting.run(["gateway", "status"]),
    await setting.run(["gateway", "list"]),
  ];
  outcomes.push(await setting.run(["close", `${PORT}`]), await setting.run(["gateway", "sync", "--json"]));
  for (const { stdout, stderr } of outcomes) {
    // deno-lint-ignore no-control-regex -- it looks for them
    assert.doesNotMatch(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f]|^opened everything/m);
  }
});

commandTest("portd open --router --json has everything", async (setting) => {
  answerEach(setting.daemon);
  const { code, stdout, stderr } = await setting.run([...OPEN, "--json"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const { leases, addresses, gateway, mappings, shortcomings, takenBack, backend } = JSON.parse(stdout);
  assert.deepEqual([addresses, backend, shortcomings, takenBack], [[OUTSIDE], "nftables", [], null]);
  assert.deepEqual([leases.length, gateway.ipv4.name, mappings[0].state], [1, "Home Gateway", "set"]);
  answerEach(setting.daemon, { state: "failed", external: null, reason: "refused" });
  const failed = await setting.run([...OPEN, "--json", "--all-or-nothing"]);
  const answered = JSON.parse(failed.stdout);
  assert.deepEqual([failed.code, answered.addresses, answered.shortcomings[0].layer], [1, [], "mapping"]);
  assert.deepEqual(answered.takenBack, ["everything was taken back, as not all of it works"]);
});

commandTest("--qr draws the confirmed address on a terminal", async (setting) => {
  answerEach(setting.daemon);
  const terminal = { isTerminal: true, env: { LANG: "C.UTF-8" } };
  const drawn = await setting.run([...OPEN, "--qr"], terminal);
  assert.equal(drawn.stdout, `${OUTSIDE}\n`);
  assert.match(drawn.stderr, /\n[█▀▄ ]{25}\n[█▀▄ ]{25}\n/);
  assert.match((await setting.run([...OPEN, "--qr"])).stderr, /^note: no QR code: stderr is no terminal$/m);
});

commandTest("a refusal of the daemon while the router is asked is no silence", async (setting) => {
  answerEach(setting.daemon);
  const { fault } = setting.daemon;
  setting.daemon.fault = (asked, honestly) => {
    if (asked.path !== "/v1/gateway/sync") return fault(asked, honestly);
    const { status, code, message } = new PortdError("shutting_down", "Cannot go on: portd stops");
    return respond(JSON.stringify({ status, code, detail: message }), { status, type: "application/problem+json" });
  };
  const { code, stderr } = await setting.run(OPEN);
  assert.equal(code, 1);
  assert.match(stderr, /^portd: Cannot go on: portd stops$/m);
  assert.equal(setting.daemon.leases[0]!.state, "released");
});

commandTest("a daemon that answers nothing is waited for no longer than --timeout", async ({ run, daemon }) => {
  daemon.fault = ({ path }) => path === "/v1/firewall" || path === "/v1/gateway" ? MUTE : undefined;
  await daemon.grant({ port: PORT, lifetime: { kind: "pinned" } });
  const begun = performance.now();
  for (const args of [OPEN, ["close", `${PORT}`]]) {
    await checkFailure(
      run([...args, "--timeout", "1s"]),
      7,
      /^portd: (?:Timed out after 1s: portd does not answer|Cannot reach)/,
    );
  }
  assert.ok(performance.now() - begun < 30_000, "the client alone would wait for minutes");
});

commandTest(
  "portd open --router leases a service that has no lease, after asking; --all-or-nothing takes it back",
  async (setting) => {
    const { daemon, run, cwd } = setting;
    const unasked = await run(["open", "web", "--router"]);
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /Lease it until it is released/);
    assert.equal(daemon.leases.length, 0);

    await Deno.writeTextFile(`${cwd}/portd.yaml`, "services: { dns: { protocols: [udp] } }");
    const { stderr } = await run(["open", "dns", "--router", "--yes"]);
    const [dns] = daemon.leases;
    assert.deepEqual([dns!.name, dns!.protocols, dns!.state, dns!.lifetime.kind], [
      "shop/dns",
      ["udp"],
      "granted",
      "pinned",
    ]);
    assert.equal(dns!.holder.id, `cli:${cwd}`);
    assert.ok(dns!.exposure?.gateway);
    assert.match(stderr, new RegExp(`^leased shop/dns \\(${dns!.port}/udp\\) until it is released$`, "m"));

    await run(["open", "web", "--router", "--yes", "--all-or-nothing"]);
    const [, web] = daemon.leases;
    assert.deepEqual([web!.name, web!.state], ["shop/web", "released"]);

    const unknown = await run(["open", "01KAR3Y8T2M4C6V8X0Z2B4D6F8", "--router", "--yes"]);
    assert.equal(unknown.code, 1);
    assert.equal(daemon.leases.length, 2);
  },
);
