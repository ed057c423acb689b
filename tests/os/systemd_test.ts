/** portd as a service of systemd, on a machine whose first process is systemd. */
import assert from "node:assert/strict";
import { SystemdControl } from "../../src/service/linux/systemd.ts";
import { UNIT } from "../../src/service/linux/unit.ts";
import { type ConformanceHost, testConformance } from "../service/conformance.ts";
import { sectionsOf } from "../support/docs/markdown.ts";
import { commandsOf, takesRoot } from "../support/docs/tour.ts";
import { Transcript } from "../support/docs/transcript.ts";
import { osTest } from "../support/os/requirement.ts";
import { ALICE, SYSTEMD, SystemdHost } from "../support/os/systemd_host.ts";

/** Of 10, where 10 is a service that may do everything; systemd-analyze(1) calls up to 4.0 "OK". */
const MOST_EXPOSURE = 3;
/** Characters that mean something to systemd or to a shell. */
const ODD_FOLDER = "/srv/50% of $HOME %h ${PATH} \"a\" 'b' ;";
const DROPPING = `
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
  }
}
`;

osTest("portd is a service of the system", SYSTEMD, async (t) => {
  await using host = await SystemdHost.start();
  await t.step("from its installation to its removal, and only the leases are left", () => testLife(host));
  await t.step(
    "a daemon that is killed, or that hangs, is started again and knows its leases",
    () => testRestarts(host),
  );
  await t.step("a changed configuration counts after a restart, with the same leases", () => testConfiguration(host));
  await t.step("a service that cannot start says why in the error of the start", () => testFailure(host));
  await t.step("the sandbox allows what portd needs: its folder, holds, others' sockets, and rules", async (t) => {
    await testSandbox(host, t);
  });
});

osTest(
  "portd is a service as docs/tour.md shows it, and of a user; systemd passes the conformance suite",
  SYSTEMD,
  async (t) => {
    await using host = await SystemdHost.start();
    await t.step("docs/tour.md: every command about the service prints what is shown", () => testTour(host));
    await t.step("a user's own service takes no root, and no login", (t) => testUserService(host, t));
    await t.step("systemd itself passes the conformance suite of service controls", (t) => testControl(host, t));
  },
);

async function testLife(host: SystemdHost): Promise<void> {
  const before = await filesOf(host);
  await host.portd("service", "install", "--pool", "32700-32799");
  assert.equal(await host.portd("service", "install", "--pool", "32700-32799", "--dry-run"), "");

  await host.portd("service", "start");
  const web = await host.portd("lease", "shop/web", "--pin"); // answered at once: it was ready
  assert.match(await host.portd("service", "logs"), /serves http:\/\/127\.0\.0\.1:7678.*\n.*Started portd\.service/);
  await host.portd("service", "stop");
  const { stdout } = await host.outcome(...await host.self(), "service", "status", "--json");
  const { state, exitCode } = JSON.parse(stdout);
  assert.deepEqual([state, exitCode], ["stopped", 0]);

  await host.portd("service", "start");
  await host.portd("service", "uninstall");
  assert.deepEqual((await filesOf(host)).filter((path) => !before.includes(path)), [
    "/var/lib/portd",
    "/var/lib/portd/admin.token",
    "/var/lib/portd/daemon.log",
    "/var/lib/portd/leases.db",
  ]);
  assert.match(await host.run("systemctl", "list-units", "--all", "portd*"), /^0 loaded units listed/m);

  await host.portd("service", "install");
  await host.portd("service", "start");
  assert.equal(await host.portd("lease", "shop/web", "--pin"), web);
}

async function testRestarts(host: SystemdHost): Promise<void> {
  const leases = await host.portd("ls", "--json");
  for (const [signal, message] of [["KILL", /code=killed, status=9\/KILL/], ["STOP", /Watchdog timeout/]] as const) {
    await using journal = await host.followJournal(UNIT);
    const pid = await mainPid(host);
    await host.run("kill", `-${signal}`, pid);
    await journal.awaitLine(message);
    await journal.awaitLine(/^Started /);
    assert.notEqual(await mainPid(host), pid);
    assert.equal(await host.portd("ls", "--json"), leases);
  }
}

async function testConfiguration(host: SystemdHost): Promise<void> {
  const leases = await host.portd("ls", "--json");
  await Deno.writeTextFile(`${host.root}/var/lib/portd/config.yaml`, "pool: 25000-25009\n");
  await host.portd("service", "restart");
  assert.equal(await host.portd("ls", "--json"), leases);
  assert.match(await host.portd("lease", "shop/api"), /^2500\d\n$/);
}

async function testFailure(host: SystemdHost): Promise<void> {
  await host.portd("service", "stop");
  await Deno.writeTextFile(`${host.root}/var/lib/portd/config.yaml`, "pool: none\n");
  const { code, stderr } = await host.outcome(...await host.self(), "service", "start");
  assert.equal(code, 1);
  assert.match(stderr, /Cannot start portd\.service: (.|\n)*config\.yaml:1:/);
  assert.equal(await host.run("systemctl", "show", "--property=NRestarts", UNIT), "NRestarts=0\n");
}

async function testTour(host: SystemdHost): Promise<void> {
  const script = `#!/bin/sh\nexec ${(await host.self()).join(" ").replace(" run ", " run --quiet ")} "$@"\n`;
  await Deno.writeTextFile(`${host.root}/usr/bin/portd`, script, { mode: 0o755 });
  const tour = await Deno.readTextFile(new URL("../../docs/tour.md", import.meta.url));
  const sections = sectionsOf(tour, 2).filter(takesRoot);
  assert.equal(sections.length, 1);
  const transcript = new Transcript();
  for (const { command, output } of sections.flatMap(({ fences }) => fences).flatMap(commandsOf)) {
    const { stdout } = await host.outcome("sh", "-c", `${command.replace(/^sudo /, "")} 2>&1`);
    assert.equal(transcript.compare(output, stdout), undefined, command);
  }
}

async function testSandbox(host: SystemdHost, t: Deno.TestContext): Promise<void> {
  await host.portd("service", "install", "--state-dir", ODD_FOLDER);
  await t.step("systemd finds no error in the unit", async () => {
    assert.equal((await host.outcome("systemd-analyze", "verify", `/etc/systemd/system/${UNIT}`)).stderr, "");
  });
  await t.step("the service is little exposed", async () => {
    const text = await host.run("systemd-analyze", "security", "--no-pager", UNIT);
    const [line, exposure] = /Overall exposure level for portd\.service: (\d+\.\d)/.exec(text) ?? [];
    console.log(line);
    assert.ok(Number(exposure) <= MOST_EXPOSURE, line);
  });
  await host.portd("service", "start");
  await t.step("its state is in the folder that was named, whatever the name", async () => {
    assert.equal((await Deno.stat(host.root + ODD_FOLDER)).mode! & 0o777, 0o700);
    const daemon = JSON.parse(await Deno.readTextFile(`${host.root}${ODD_FOLDER}/daemon.json`));
    assert.equal(String(daemon.pid), await mainPid(host));
  });
  const portd = (...args: string[]) => host.portd(...args, "--state-dir", ODD_FOLDER);
  await t.step("a leased port is held", async () => {
    const port = (await portd("lease", "shop/web", "--pin")).trim();
    assert.match(await host.run("/usr/bin/python3", "-c", BIND, port), /in use/);
    assert.match(await portd("lease", "shop/dns", "--port", "853", "--both"), /^853$/m);
  });
  await t.step("a socket of another user has its process", async () => {
    await host.run("systemd-run", "--uid=nobody", "/usr/bin/python3", "-m", "http.server", "4711");
    await portd("wait", "4711", "--listening");
    const { listeners } = JSON.parse(await portd("inspect", "4711", "--json"));
    assert.equal(listeners[0].process.user, "nobody");
    assert.match(listeners[0].process.command, /http\.server/);
  });
  await t.step("nftables", async () => {
    await Deno.writeTextFile(`${host.root}/root/rules`, DROPPING);
    await host.run("nft", "--file", "/root/rules");
    await portd("open", "shop/web", "--remote", "any");
    assert.match(await host.run("nft", "list", "ruleset"), /accept comment "portd /);
    await portd("close", "shop/web");
    assert.doesNotMatch(await host.run("nft", "list", "ruleset"), /portd /);
  });
  await t.step("ufw", async () => {
    await host.run("ufw", "--force", "enable");
    await host.run("systemctl", "restart", UNIT);
    await portd("open", "shop/web", "--remote", "any");
    assert.match(await host.run("ufw", "status"), /ALLOW .*portd/);
    await host.run("ufw", "disable");
  });
  await t.step("firewalld", async () => {
    await host.run("systemctl", "start", "firewalld");
    await host.run("systemctl", "restart", UNIT);
    await portd("firewall", "sync");
    assert.match(await host.run("firewall-cmd", "--list-rich-rules"), /portd .*accept/);
  });
}

/** Asks for a port without SO_REUSEADDR. */
const BIND = `
import socket, sys
try: socket.socket().bind(("", int(sys.argv[1])))
except OSError as error: print(error)
`;

async function testUserService(host: SystemdHost, t: Deno.TestContext): Promise<void> {
  await host.run("useradd", "--create-home", "--uid", `${ALICE}`, "alice");
  const refused = await host.asAlice(...await host.self(), "service", "install", "--user");
  assert.equal(refused.code, 6);
  assert.match(refused.stderr, /log in as that user, or .*enable-linger/);
  await host.run("systemctl", "start", `user@${ALICE}.service`); // as at boot for a user who lingers
  const portd = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await host.asAlice(...await host.self(), ...args);
    assert.equal(code, 0, `portd ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const folder = `/home/alice${ODD_FOLDER}`;
  const unit = (await portd("service", "install", "--user", "--state-dir", folder)).trim();
  assert.equal(unit, `/home/alice/.config/systemd/user/${UNIT}`);
  await t.step("systemd finds no error in the unit", async () => {
    const { stderr } = await host.asAlice(
      `XDG_RUNTIME_DIR=/run/user/${ALICE}`,
      "systemd-analyze",
      "--user",
      "verify",
      unit,
    );
    assert.equal(stderr, "");
  });
  await portd("service", "start", "--user");
  await t.step("it serves, and is restarted and stopped", async () => {
    await portd("lease", "shop/web", "--pin", "--state-dir", folder);
    await portd("service", "restart", "--user");
    const { state, startsAtBoot, pid } = JSON.parse(await portd("service", "status", "--user", "--json"));
    assert.deepEqual([state, startsAtBoot], ["running", true]);
    assert.equal((await Deno.stat(`${host.root}/proc/${pid}`)).uid, ALICE);
    assert.match(await portd("ls", "--state-dir", folder), /shop\/web/);
    await portd("service", "stop", "--user");
  });
  await t.step("she may not change the service of the system", async () => {
    const { code, stderr } = await host.asAlice(...await host.self(), "service", "install");
    assert.equal(code, 6);
    assert.match(stderr, /only root .*--user/);
  });
  await portd("service", "uninstall", "--user");
  assert.deepEqual(await namesBelow(`${host.root}/home/alice/.config`), ["systemd", "systemd/user"]);
}

/** A service that does nothing: the conformance suite installs it instead of portd. */
const IDLE_SERVICE = `#!/usr/bin/python3
import os, signal, socket
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.sigwait([signal.SIGTERM])
`;

async function testControl(host: SystemdHost, t: Deno.TestContext): Promise<void> {
  await Deno.writeTextFile(`${host.root}/usr/local/bin/idle-service`, IDLE_SERVICE, { mode: 0o755 });
  const tests = new Map<string, () => Promise<void>>();
  testConformance({
    name: "systemd",
    open: () => Promise.resolve(conformanceHost(host)),
    register: (name, fn) => void tests.set(name, fn),
  });
  for (const [name, fn] of tests) await t.step(name, fn);
}

/** The machine for one test, on which nothing is installed. */
function conformanceHost(host: SystemdHost): ConformanceHost {
  const control = (uid = 0) =>
    new SystemdControl({
      isUser: false,
      uid,
      env: host.env,
      unsetEnv: () => {},
      onSignal: () => () => {},
      root: host.root,
      systemctl: [...host.enter, "/usr/bin/systemctl"],
      journalctl: [...host.enter, "/usr/bin/journalctl"],
      inspect: () => {},
    });
  const stateDir = "/var/lib/portd";
  return {
    control,
    stranger: () => control(ALICE),
    definition: { self: ["/usr/local/bin/idle-service"], words: ["--state-dir", stateDir], stateDir, reserve: [] },
    async [Symbol.asyncDispose]() {
      for (const { run } of await control().uninstall()) await run();
    },
  };
}

async function mainPid(host: SystemdHost): Promise<string> {
  return (await host.run("systemctl", "show", "--property=MainPID", "--value", UNIT)).trim();
}

/** Where an installation could leave files; without journals, locks and files of systemd itself. */
async function filesOf(host: SystemdHost): Promise<string[]> {
  const places = ["/etc", "/root", "/run", "/srv", "/usr/lib/systemd", "/var/lib"];
  const own = ["/run/log", "/run/systemd", "/run/user", "/var/lib/systemd"].flatMap((path) => ["-path", path, "-o"]);
  const found = await host.run("find", ...places, "(", ...own, "-false", ")", "-prune", "-o", "-print");
  return found.trim().split("\n").sort();
}

async function namesBelow(folder: string, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    names.push(prefix + name);
    if (isDirectory) names.push(...await namesBelow(folder, `${prefix}${name}/`));
  }
  return names.sort();
}
