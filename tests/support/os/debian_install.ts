/** The Debian package as dpkg meets it, on a machine with systemd. */
import assert from "node:assert/strict";
import { VERSION } from "../../../src/version.ts";
import { SystemdHost } from "./systemd_host.ts";
import { runTool } from "./tool.ts";

const STATE = "/var/lib/portd";
/** What dpkg, systemd and man-db write for themselves. */
const OTHERS = /^\/(proc|sys|run|dev|tmp|var\/(lib\/dpkg|cache|log|lib\/systemd)|root|packages)(\/|$)/;

/** @param packages is the folder that `deno task package` has made. */
export async function testDebianPackage(t: Deno.TestContext, packages: string): Promise<void> {
  await using host = await SystemdHost.start();
  const name = `portd_${VERSION}_amd64.deb`;
  await runTool("mkdir", ["-p", `${host.root}/packages`]);
  await runTool("cp", [`${packages}/${name}`, `${host.root}/packages`]);
  const before = await filesOf(host);
  await t.step("dpkg installs it, and starts nothing", async () => {
    await host.run("dpkg", "--install", `/packages/${name}`);
    assert.equal(await host.run("dpkg", "--verify", "portd"), "");
    assert.equal(await host.run("/usr/bin/portd", "version"), `portd ${VERSION}\n`);
    const { stdout } = await host.outcome("systemctl", "is-enabled", "portd.service");
    assert.equal(stdout.trim(), "disabled");
    assert.equal((await host.outcome("systemctl", "is-active", "portd.service")).stdout.trim(), "inactive");
  });
  await t.step("its service leases, and runs again after an upgrade with the same leases", async () => {
    await host.run("systemctl", "enable", "--now", "portd.service");
    const port = await host.run("portd", "lease", "shop/web", "--pin");
    assert.match(port, /^2\d{4}\n$/);
    const pid = await host.run("systemctl", "show", "--property=MainPID", "portd.service");
    await host.run("dpkg", "--install", `/packages/${name}`);
    assert.notEqual(await host.run("systemctl", "show", "--property=MainPID", "portd.service"), pid);
    assert.equal(await host.run("portd", "lease", "shop/web", "--pin"), port);
  });
  await t.step("dpkg --remove stops the service, and --purge leaves nothing but the state", async () => {
    await host.run("dpkg", "--remove", "portd");
    assert.equal((await host.outcome("systemctl", "is-active", "portd.service")).stdout.trim(), "inactive");
    await host.run("dpkg", "--purge", "portd");
    const left = (await filesOf(host)).filter((path) => !before.includes(path));
    assert.ok(left.includes(STATE));
    assert.deepEqual(left.filter((path) => !path.startsWith(STATE)), []);
  });
  await t.step("a service that portd itself has installed goes with its program", async () => {
    await host.run("dpkg", "--install", `/packages/${name}`);
    await host.run("portd", "service", "install");
    await host.run("portd", "service", "start");
    await host.run("dpkg", "--remove", "portd");
    assert.equal((await host.outcome("ls", "/etc/systemd/system/portd.service")).code, 2);
    assert.equal((await host.outcome("systemctl", "is-active", "portd.service")).stdout.trim(), "inactive");
  });
}

async function filesOf(host: SystemdHost): Promise<string[]> {
  return (await host.run("find", "/", "-xdev")).split("\n").filter((path) => !OTHERS.test(path));
}
