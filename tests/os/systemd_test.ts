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
const STOP_LIMIT_MS = 5000;
/** Characters that have a meaning to systemd, or to a shell. */
const ODD_FOLDER = "/srv/50% of $HOME %h ${PATH} \"a\" 'b' ;";
const DROPPING = `
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
  }
}
`;

osTest("a service from its installation to its removal, of which only the leases are left", SYSTEMD, async () => {
  await using host = await SystemdHost.start();
  const before = await filesOf(host);
  await host.portd("service", "install", "--pool", "32700-32799");
  assert.equal(await host.portd("service", "install", "--pool", "32700-32799", "--dry-run"), "");

  await host.portd("service", "start");
  const web = await host.portd("lease", "shop/web", "--pin"); // answered at once: it was ready
  assert.match(await host.portd("service", "logs"), /serves http:\/\/127\.0\.0\.1:7678.*\n.*Started portd\.service/);

  const begun = performance.now();
  await host.portd("service", "stop");
  assert.ok(performance.now() - begun < STOP_LIMIT_MS);
  const { state, exitCode } = JSON.parse(
    (await host.outcome(...await host.self(), "service", "status", "--json")).stdout,
  );
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
});

osTest("README.md: every command about the service prints what is shown", SYSTEMD, async () => {
  await using host = await SystemdHost.start();
  const script = `#!/bin/sh\nexec ${(await host.self()).join(" ").replace(" run ", " run --quiet ")} "$@"\n`;
  await Deno.writeTextFile(`${host.root}/usr/bin/portd`, script, { mode: 0o755 });
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const sections = sectionsOf(readme, 2).filter(takesRoot);
  assert.equal(sections.length, 1);
  const transcript = new Transcript();
  for (const { command, output } of sections.flatMap(({ fences }) => fences).flatMap(commandsOf)) {
    const { stdout } = await host.outcome("sh", "-c", `${command.replace(/^sudo /, "")} 2>&1`);
    assert.equal(transcript.compare(output, stdout), undefined, command);
  }
});

osTest("a daemon that is killed, or that hangs, is started again and knows its leases", SYSTEMD, async () => {
  await using host = await SystemdHost.start();
  await host.portd("service", "install");
  await host.run("mkdir", `/run/systemd/system/${UNIT}.d`);
  // Shorter than the unit's, so that the test is; a start on a busy machine is to be within it all the same.
  await Deno.writeTextFile(`${host.root}/run/systemd/system/${UNIT}.d/quick.conf`, "[Service]\nWatchdogSec=5\n");
  await host.run("systemctl", "daemon-reload");
  await host.portd("service", "start");
  await host.portd("lease", "shop/web", "--pin");
  const leases = await host.portd("ls", "--json");
  for (const [signal, said] of [["KILL", /code=killed, status=9\/KILL/], ["STOP", /Watchdog timeout/]] as const) {
    await using journal = await host.followJournal(UNIT);
    const pid = await mainPid(host);
    await host.run("kill", `-${signal}`, pid);
    await journal.awaitLine(said);
    await journal.awaitLine(/^Started /);
    assert.notEqual(await mainPid(host), pid);
    assert.equal(await host.portd("ls", "--json"), leases);
  }
});

osTest("a changed configuration counts after a restart, with the same leases", SYSTEMD, async () => {
  await using host = await SystemdHost.start();
  await host.portd("service", "install");
  await host.portd("service", "start");
  await host.portd("lease", "shop/web", "--pin");
  const leases = await host.portd("ls", "--json");
  await Deno.writeTextFile(`${host.root}/var/lib/portd/config.yaml`, "pool: 25000-25009\n");
  await host.portd("service", "restart");
  assert.equal(await host.portd("ls", "--json"), leases);
  assert.match(await host.portd("lease", "shop/api"), /^2500\d\n$/);
});

osTest("a service that cannot start says why in the error of the start", SYSTEMD, async () => {
  await using host = await SystemdHost.start();
  await host.portd("service", "install");
  await host.run("mkdir", "-p", "/var/lib/portd");
  await Deno.writeTextFile(`${host.root}/var/lib/portd/config.yaml`, "pool: none\n");
  const { code, stderr } = await host.outcome(...await host.self(), "service", "start");
  assert.equal(code, 1);
  assert.match(stderr, /Cannot start portd\.service: (.|\n)*config\.yaml:1:/);
  assert.equal(await host.run("systemctl", "show", "--property=NRestarts", UNIT), "NRestarts=0\n");
});

osTest("the sandbox leaves what portd needs: its folder, holds, others' sockets, and rules", SYSTEMD, async (t) => {
  await using host = await SystemdHost.start();
  await host.portd("service", "install", "--state-dir", ODD_FOLDER);
  await t.step("systemd finds no fault in the unit", async () => {
    assert.equal((await host.outcome("systemd-analyze", "verify", `/etc/systemd/system/${UNIT}`)).stderr, "");
  });
  await t.step("the service is little exposed", async () => {
    const text = await host.run("systemd-analyze", "security", "--no-pager", UNIT);
    const [line, exposure] = /Overall exposure level for portd\.service: (\d+\.\d)/.exec(text) ?? [];
    console.log(line);
    assert.ok(Number(exposure) <= MOST_EXPOSURE, line);
  });
  await host.portd("service", "start");
  await t.step("its state is where the flag says, whatever the name", async () => {
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
});

/** Asks for a port without SO_REUSEADDR. */
const BIND = `
import socket, sys
try: socket.socket().bind(("", int(sys.argv[1])))
except OSError as error: print(error)
`;

osTest("a user's own service takes no root, and no login", SYSTEMD, async (t) => {
  await using host = await SystemdHost.start();
  await host.run("useradd", "--create-home", "--uid", `${ALICE}`, "alice");
  const refused = await host.asAlice(...await host.self(), "service", "install", "--user");
  assert.equal(refused.code, 6);
  assert.match(refused.stderr, /log in as that user, or .*enable-linger/);
  await host.run("systemctl", "start", `user@${ALICE}.service`); // as linger has it at boot
  const portd = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await host.asAlice(...await host.self(), ...args);
    assert.equal(code, 0, `portd ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const folder = `/home/alice${ODD_FOLDER}`;
  const unit = (await portd("service", "install", "--user", "--state-dir", folder)).trim();
  assert.equal(unit, `/home/alice/.config/systemd/user/${UNIT}`);
  await t.step("systemd finds no fault in the unit", async () => {
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
  await t.step("the service of the system is not hers to change", async () => {
    const { code, stderr } = await host.asAlice(...await host.self(), "service", "install");
    assert.equal(code, 6);
    assert.match(stderr, /only root .*--user/);
  });
  await portd("service", "uninstall", "--user");
  assert.deepEqual(await namesBelow(`${host.root}/home/alice/.config`), ["systemd", "systemd/user"]);
});

osTest("systemd itself shows what every service control must", SYSTEMD, async (t) => {
  await using host = await SystemdHost.start();
  const tests = new Map<string, () => Promise<void>>();
  testConformance({
    name: "systemd",
    open: () => openInstalled(host),
    register: (name, fn) => void tests.set(name, fn),
  });
  for (const [name, fn] of tests) await t.step(name, fn);
});

/** The machine without portd, seen from ours. */
async function openInstalled(host: SystemdHost): Promise<ConformanceHost> {
  const [program, ...words] = await host.self();
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
  return {
    control,
    stranger: () => control(ALICE),
    definition: {
      self: [program, ...words],
      words: ["--state-dir", "/var/lib/portd"],
      stateDir: "/var/lib/portd",
      reserve: [],
    },
    async [Symbol.asyncDispose]() {
      for (const { run } of await control().uninstall()) await run();
    },
  };
}

async function mainPid(host: SystemdHost): Promise<string> {
  return (await host.run("systemctl", "show", "--property=MainPID", "--value", UNIT)).trim();
}

/** What an installation could leave. Journals, locks and what systemd notes down of its own are not meant. */
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
