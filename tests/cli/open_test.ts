/** `portd open` inside this process: a fake daemon with a firewall and servers in memory. */
import assert from "node:assert/strict";
import { READ, rightsMissing } from "../../src/firewall/backend.ts";
import type { Protocol } from "../../src/port/port.ts";
import { checkFailure, commandTest, type Setting } from "../support/command_setting.ts";
import { FakeServiceControl } from "../support/service.ts";

type Daemon = Setting["daemon"];

const PORT = 25565;
const INTERFACES = [
  { name: "lo", family: "IPv4", address: "127.0.0.1" },
  { name: "eth0", family: "IPv4", address: "192.168.1.20" },
].map((part) => ({ netmask: "", scopeid: null, cidr: "", mac: "", ...part } as Deno.NetworkInterfaceInfo));

/** A server that was started before anybody leased its port. */
function serve({ machine }: Daemon, pid: number, protocols: readonly Protocol[], address = "0.0.0.0"): void {
  if (!machine.processes.has(pid)) machine.start(pid, { command: `/usr/bin/java -jar server-${pid}.jar` });
  for (const protocol of protocols) machine.listen({ protocol, port: PORT }, { pid, address });
}

const ruleNames = ({ machine }: Daemon) => machine.firewall.rules.map(({ name }) => name).sort();
const states = ({ leases }: Daemon) => leases.map(({ state }) => state);

/** The watch looks, and a sync that it has asked for ends. */
async function settle(daemon: Daemon): Promise<void> {
  await daemon.look();
  await daemon.domain.firewall.sync();
}

commandTest("portd open of a port where a server runs leases it to that process, until it ends", async (setting) => {
  const { daemon, run } = setting;
  serve(daemon, 4711, ["tcp"]);
  const { code, stdout, stderr } = await run(["open", `${PORT}`], { typed: ["y\n"], interfaces: INTERFACES });
  const { id, holder, lifetime, hold, protocols } = daemon.leases[0]!;
  assert.deepEqual([code, stdout], [0, `192.168.1.20:${PORT}\n`], stderr);
  const title = `${id} (${PORT}/tcp)`;
  assert.deepEqual(stderr.split("\n"), [
    `port ${PORT}/tcp is not leased, and pid 4711 (java -jar server-4711.jar) listens on it`,
    `Lease it to that process, until it ends? [y/N] leased ${title} until pid 4711 ends`,
    `opened ${title} to LocalSubnet (nftables): set`,
    "",
  ]);
  assert.deepEqual([holder.pid, lifetime.kind, hold, protocols], [4711, "process", "none", ["tcp"]]);
  await settle(daemon);
  assert.deepEqual([states(daemon), ruleNames(daemon)], [["listening"], [`portd-in-tcp-${PORT}`]]);
  daemon.machine.end(4711);
  await settle(daemon);
  daemon.clock.advance(60_000);
  await settle(daemon);
  assert.deepEqual([states(daemon), ruleNames(daemon)], [["expired"], []]);
});

commandTest(
  "portd open takes the protocols on which the server listens, or those of --udp and --both",
  async (setting) => {
    const { daemon, run } = setting;
    serve(daemon, 1, ["udp"]);
    const cases = [[[], ["udp"]], [["--udp"], ["udp"]], [["--both"], ["tcp", "udp"]]] as const;
    for (const [i, [flags, protocols]] of cases.entries()) {
      const outcome = await run(["open", `${PORT}`, "--yes", ...flags]);
      assert.equal(outcome.code, 0, outcome.stderr);
      const lease = daemon.leases[i]!;
      assert.deepEqual([lease.protocols, lease.holder.pid], [protocols, 1]);
      await daemon.end(lease.id, "released");
    }
    await checkFailure(run(["open", "web", "--udp"]), 2, /a lease has its own protocols; name the port instead/);
    await checkFailure(run(["open", `${PORT}`, "--udp", "--both"]), 2, /leave one of them out/);
    await checkFailure(
      run(["open", "nosuch"]),
      1,
      /nosuch"; lease it first \(portd lease\), or name the port instead$/m,
    );
  },
);

commandTest("portd open --both opens two leases of one number, and leases what is missing", async (setting) => {
  const { daemon, run } = setting;
  const tcp = await daemon.grant({ name: "game", port: PORT, lifetime: { kind: "pinned" } });
  serve(daemon, 4711, ["udp"]);
  const { code, stdout } = await run(["open", `${PORT}`, "--both", "--yes", "--json"]);
  assert.equal(code, 0);
  const { leases, rules } = JSON.parse(stdout);
  assert.deepEqual(leases.map(({ protocols }: { protocols: unknown }) => protocols), [["tcp"], ["udp"]]);
  assert.equal(leases[0].id, tcp.id);
  assert.deepEqual(rules.map(({ state }: { state: string }) => state), ["set", "set"]);
  assert.deepEqual(ruleNames(daemon), [`portd-in-tcp-${PORT}`, `portd-in-udp-${PORT}`]);
});

commandTest("portd open leases a port on which nobody listens until it is released", async ({ daemon, run }) => {
  const { stderr } = await run(["open", `${PORT}`, "--both"], { typed: ["y\n"] });
  assert.match(stderr, /^port 25565\/tcp\+udp is not leased\nLease it until it is released\? \[y\/N\] leased /);
  assert.match(stderr, /^note: nobody listens on port 25565 yet: start the server$/m);
  assert.deepEqual(daemon.leases.map(({ lifetime }) => lifetime.kind), ["pinned"]);
});

commandTest(
  "portd open of a process that the daemon cannot see leases the port while anybody listens",
  async (setting) => {
    const { daemon, run } = setting;
    daemon.machine.listen({ protocol: "udp", port: PORT }, { pid: [] });
    const { code, stderr } = await run(["open", `${PORT}`, "--yes"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^leased \S+ \(25565\/udp\) for as long as somebody listens on it$/m);
    await daemon.look();
    assert.deepEqual(daemon.leases.map(({ lifetime, state }) => [lifetime.kind, state]), [["listener", "listening"]]);
  },
);

commandTest("a portd open that fails leaves no lease and no exposure behind", async ({ daemon, run }) => {
  const { firewall } = daemon.machine;
  firewall.restless.add(`portd-in-tcp-${PORT}`);
  await checkFailure(run(["open", `${PORT}`, "--yes"]), 1, /^portd: Cannot keep the rule portd-in-tcp-25565: /);
  assert.deepEqual(states(daemon), ["released"]);
  const lease = await daemon.grant({ name: "game", port: PORT, lifetime: { kind: "pinned" } });
  assert.equal((await run(["open", "game"], { cwd: "/nowhere/game" })).code, 1);
  assert.equal(daemon.leases[1]!.exposure, null);
  firewall.restless.clear();
  assert.equal((await run(["open", lease.id, "--remote", "any"])).code, 0);
  firewall.restless.add(`portd-in-tcp-${PORT}`);
  assert.equal((await run(["open", lease.id, "--remote", "10.0.0.0/8"])).code, 1);
  assert.deepEqual(daemon.leases[1]!.exposure!.firewall.remote, ["any"]);
});

commandTest("portd open says first that the daemon needs rights, and how it gets them", async ({ daemon, run }) => {
  daemon.machine.firewall.failure = rightsMissing(READ, "nft needs root, or the capability CAP_NET_ADMIN");
  const message =
    "Cannot open a port: the daemon runs as me and needs an administrator's rights to change the firewall " +
    "(nft needs root, or the capability CAP_NET_ADMIN); as a service of the system it has them: portd stop && sudo " +
    "portd service install && sudo portd service start";
  const service = new FakeServiceControl();
  const { code, stdout, stderr } = await run(["open", `${PORT}`], { typed: ["y\n"], service });
  assert.deepEqual([code, stdout, stderr], [6, "", `portd: ${message}\n`]);
  assert.deepEqual([daemon.leases, daemon.asked("POST", "/"), daemon.asked("PUT", "/")], [[], [], []]);
  const { error } = JSON.parse((await run(["open", `${PORT}`, "--yes", "--json"], { service })).stderr);
  assert.deepEqual([error.code, error.lacksRights, error.message], ["firewall_unavailable", true, message]);
  const windows = await run(["open", `${PORT}`, "--yes"], { service, os: "windows" });
  const steps = "portd stop, then portd service install, then portd service start"; // no && in Windows PowerShell 5.1
  assert.match(windows.stderr, new RegExp(`has them, in an administrator's terminal: ${steps}\\n$`));
  service.refusal = () => Promise.reject(new Error("no systemd runs"));
  const withoutServices = await run(["open", `${PORT}`, "--yes"], { service });
  assert.match(withoutServices.stderr, /; as a daemon of root it has them: portd stop && sudo portd serve --detach\n$/);
});

commandTest(
  "portd open says to whom the port was open before, and portd close that it is not open",
  async ({ run }) => {
    const outcome = await run(["open", `${PORT}`, "--yes", "--remote", "any"]);
    assert.doesNotMatch(outcome.stderr, /before/);
    assert.match((await run(["open", `${PORT}`])).stderr, /to LocalSubnet .*\nnote: before it was open to any\n/);
    assert.doesNotMatch((await run(["open", `${PORT}`])).stderr, /before/);
    const { stderr } = await run(["open", `${PORT}`, "--profile", "public"]);
    assert.match(stderr, /^note: --profile does nothing: nftables has none$/m);
    assert.match((await run(["close", `${PORT}`])).stderr, /^closed /);
    assert.match((await run(["close", `${PORT}`])).stderr, / is not open\n$/);
  },
);

commandTest("a rule that the firewall does not need is reported as such", async ({ daemon, run }) => {
  daemon.machine.firewall.unneeded.add(`portd-in-udp-${PORT}`);
  assert.match((await run(["open", `${PORT}`, "--both", "--yes"])).stderr, /\(nftables\): tcp set, udp not needed$/m);
  assert.match((await run(["firewall", "status"])).stdout, /portd-in-udp-25565 +not needed /);
});

commandTest(
  "an open port whose server listens on loopback only is named by open, status, inspect and more",
  async (setting) => {
    const { daemon, run } = setting;
    const lease = await daemon.grant({ name: "game", port: PORT, lifetime: { kind: "pinned" } });
    serve(daemon, 4711, ["tcp"], "127.0.0.1");
    const why =
      "the server listens on 127.0.0.1 only, which no other machine can reach: let it listen on 0.0.0.0 or [::]";
    const { stdout, stderr } = await run(["open", lease.id], { interfaces: INTERFACES });
    assert.equal(stdout, "");
    assert.ok(stderr.endsWith(`\nnote: ${why}\n`), stderr);
    await daemon.look();
    const sentence = `game (${PORT}/tcp) is open to LocalSubnet, but ${why}\n`;
    assert.ok((await run(["status"])).stdout.includes(`warning    ${sentence}`));
    assert.ok((await run(["firewall", "status"])).stdout.includes(`note       ${sentence}`));
    assert.ok(
      (await run(["inspect", `${PORT}`])).stdout.includes(`  advice      game is open to others, but ${why}\n`),
    );
    const doctor = (await run(["doctor"])).stdout.split("\n").filter((line) => line.includes(why));
    assert.deepEqual(doctor.map((line) => line.split(" ", 1)[0]), ["daemon"]);
    await run(["close", lease.id]);
    assert.ok(!(await run(["status"])).stdout.includes(why));
  },
);

commandTest(
  "portd close of a lease that is not open is no error, also without a readable firewall",
  async (setting) => {
    const { daemon, run } = setting;
    const lease = await daemon.grant({ name: "game", port: PORT, lifetime: { kind: "pinned" } });
    const closed = { code: 0, stdout: "", stderr: `game (${PORT}/tcp) is not open\n` };
    assert.deepEqual(await run(["close", lease.id]), closed);
    daemon.machine.firewall.failure = rightsMissing(READ, "nft needs root, or the capability CAP_NET_ADMIN");
    assert.deepEqual(await run(["close", lease.id]), closed);
  },
);
