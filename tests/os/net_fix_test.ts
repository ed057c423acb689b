/** The commands that fix an address, read by NetworkManager's and netplan's own programs; net_dhcp_test.ts has networkd. */
import assert from "node:assert/strict";
import { temporaryFolder } from "../support/folder.ts";
import { homeNetwork } from "../support/network.ts";
import { debianPackages, dependenciesOf, unpackDebianPackages } from "../support/os/debian_package.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

/** Runs a line of a shell with the libraries of unpacked packages. */
async function shell(folder: string, script: string): Promise<string> {
  const libraries = (await runTool("sh", ["-c", `find ${folder}/usr/lib -maxdepth 1 -type d -name '*-linux-gnu*'`]))
    .trim();
  return await runTool("sh", ["-ec", script], { env: { PATH: "/usr/bin:/bin", LD_LIBRARY_PATH: libraries } });
}

const CONNECTION =
  "[connection]\nid=Wired\nuuid=f5a0c3e2-1b7d-4c59-9d52-1f1c5a0e7b11\ntype=ethernet\n[ipv4]\nmethod=auto\n";

osTest(
  "nmcli takes the command, and makes the address of the connection a fixed one",
  [linux, tools("sh", "find"), debianPackages("network-manager")],
  async () => {
    await using folder = await temporaryFolder();
    const libraries = await dependenciesOf("network-manager", /^lib(nm0|jansson4|psl5|ndp0|readline8|newt0)/);
    await unpackDebianPackages(folder.path, ["network-manager", ...libraries]);
    await Deno.writeTextFile(`${folder.path}/wired`, CONNECTION);
    const [command = ""] = homeNetwork().fixCommands;
    const [, settings] = /^sudo nmcli con mod uuid \S+ (.*)$/.exec(command) ?? assert.fail(command);
    const nmcli = `${folder.path}/usr/bin/nmcli --offline con mod ${settings} < ${folder.path}/wired`;
    const [, ipv4 = ""] = (await shell(folder.path, nmcli)).split("[ipv4]\n");
    assert.deepEqual(ipv4.split("\n").slice(0, 3), [
      "address1=192.168.1.10/24,192.168.1.1",
      "dns=192.168.1.1;",
      "method=manual",
    ]);
  },
);

osTest(
  "netplan takes the file that the commands write, beside one that asks for DHCP",
  [linux, tools("sh", "find"), debianPackages("netplan.io")],
  async () => {
    await using folder = await temporaryFolder();
    const parts = await dependenciesOf("netplan.io", /^(libnetplan|netplan-generator)/);
    await unpackDebianPackages(folder.path, ["netplan.io", ...parts]);
    const root = `${folder.path}/root`, match = `      match: {macaddress: "02:42:ac:11:00:02"}\n`;
    await Deno.mkdir(`${root}/etc/netplan`, { recursive: true });
    const other = `network:\n  version: 2\n  ethernets:\n    lan:\n${match}      dhcp4: true\n      dhcp6: true\n`;
    await Deno.writeTextFile(`${root}/etc/netplan/50-cloud-init.yaml`, other);
    const profile = "/run/systemd/network/10-netplan-lan.network";
    const { fixCommands } = homeNetwork({ managedBy: "netplan", profile });
    const commands = fixCommands.slice(0, 2).map((each) =>
      each.replaceAll("sudo ", "").replaceAll("/etc/", `${root}/etc/`)
    );
    await shell(folder.path, commands.join("\n"));
    await shell(folder.path, `$(find ${folder.path} -name generate -type f -perm -u+x | head -1) --root-dir ${root}`);
    const made = (await Deno.readTextFile(root + profile)).split("\n");
    for (const line of ["DHCP=ipv6", "Address=192.168.1.10/24", "DNS=192.168.1.1", "Gateway=192.168.1.1"]) {
      assert.ok(made.includes(line), `${line} is not among\n${made.join("\n")}`);
    }
  },
);
