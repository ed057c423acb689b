/** The commands that fix an address: what they say, and that no name of an adapter breaks out of its quotes. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Adapter, AdapterAddress } from "../../src/adapters/adapters.ts";
import { fixCommands } from "../../src/adapters/fix_commands.ts";
import { quoteForPowerShell, quoteForSh } from "../../src/adapters/quoting.ts";

const ADDRESS: AdapterAddress = {
  family: "ipv4",
  address: "192.168.1.10",
  prefix: 24,
  scope: "private",
  origin: "dhcp",
  isTemporary: false,
};

function commandsOf(changes: Partial<Adapter>, address: Partial<AdapterAddress> = {}): readonly string[] {
  const adapter: Adapter = {
    name: "eth0",
    index: 2,
    mac: "02:42:ac:11:00:02",
    isUp: true,
    isVirtual: false,
    kind: "ethernet",
    addresses: [{ ...ADDRESS, ...address }],
    gateways: ["192.168.1.1"],
    dns: ["192.168.1.1", "2001:db8::53", "127.0.0.53"],
    managedBy: null,
    profile: null,
    ...changes,
  };
  const ipv4 = { adapter: adapter.name, address: "192.168.1.10", gateway: "192.168.1.1" };
  return fixCommands({ adapters: [adapter], internet: { ipv4, ipv6: null } });
}

Deno.test("Windows: DHCP off, the old address and route away, then the same ones fixed", () => {
  assert.deepEqual(commandsOf({ managedBy: "Windows", name: "Ethernet" }), [
    "Set-NetIPInterface -InterfaceAlias 'Ethernet' -AddressFamily IPv4 -Dhcp Disabled",
    "Remove-NetIPAddress -InterfaceAlias 'Ethernet' -AddressFamily IPv4 -Confirm:$false -ErrorAction SilentlyContinue",
    "Remove-NetRoute -InterfaceAlias 'Ethernet' -AddressFamily IPv4 -DestinationPrefix 0.0.0.0/0 -Confirm:$false -ErrorAction SilentlyContinue",
    "New-NetIPAddress -InterfaceAlias 'Ethernet' -IPAddress 192.168.1.10 -PrefixLength 24 -DefaultGateway 192.168.1.1",
    "Set-DnsClientServerAddress -InterfaceAlias 'Ethernet' -ServerAddresses 192.168.1.1",
  ]);
});

Deno.test("Windows: a name that would be a pattern gives way to the adapter's number", () => {
  const commands = commandsOf({ managedBy: "Windows", name: "LAN [2]", index: 17 });
  assert.ok(commands.every((command) => command.includes("-InterfaceIndex 17") && !command.includes("LAN")));
});

Deno.test("NetworkManager, macOS, systemd-networkd, netplan, ifupdown and dhcpcd have their own commands", () => {
  const of = (managedBy: string, profile: string | null) => commandsOf({ managedBy, profile }).join("\n");
  assert.equal(
    of("NetworkManager", "11-22"),
    "sudo nmcli con mod uuid 11-22 ipv4.method manual ipv4.addresses 192.168.1.10/24 ipv4.gateway 192.168.1.1 " +
      "ipv4.dns 192.168.1.1\nsudo nmcli con up uuid 11-22",
  );
  assert.equal(
    of("macOS", "USB 10/100 LAN"),
    "sudo networksetup -setmanual 'USB 10/100 LAN' 192.168.1.10 255.255.255.0 192.168.1.1\n" +
      "sudo networksetup -setdnsservers 'USB 10/100 LAN' 192.168.1.1",
  );
  assert.equal(
    of("systemd-networkd", "/etc/systemd/network/20-wired.network"),
    "sudo mkdir -p /etc/systemd/network/20-wired.network.d\n" +
      "printf '%s\\n' '[Network]' 'DHCP=no' 'Address=192.168.1.10/24' 'Gateway=192.168.1.1' 'DNS=192.168.1.1' | " +
      "sudo tee /etc/systemd/network/20-wired.network.d/fixed-address.conf\n" +
      "sudo networkctl reload\nsudo networkctl reconfigure eth0",
  );
  assert.match(
    of("netplan", "/run/systemd/network/10-netplan-eth0.network"),
    /tee \/etc\/netplan\/99-fixed-address.yaml\n.*\nsudo netplan apply$/,
  );
  assert.match(of("ifupdown", "/etc/network/interfaces"), /^sudo sed -i\.old -E .* \/etc\/network\/interfaces\n/);
  assert.match(of("dhcpcd", null), /'interface eth0' 'static ip_address=192.168.1.10\/24'/);
});

Deno.test("nothing is to be fixed where the address is fixed, or nobody knows who configures it", () => {
  assert.deepEqual(commandsOf({ managedBy: "Windows" }, { origin: "static" }), []);
  assert.deepEqual(commandsOf({ managedBy: "Windows" }, { origin: null }), []);
  assert.deepEqual(commandsOf({}), []);
  assert.deepEqual(commandsOf({ managedBy: "constructor" }), []);
  assert.deepEqual(commandsOf({ managedBy: "NetworkManager", profile: null }), []);
  assert.deepEqual(
    commandsOf({ managedBy: "Windows" }, { address: "192.168.1.10", prefix: 32 }),
    [],
    "router elsewhere",
  );
  assert.deepEqual(commandsOf({ managedBy: "Windows", name: "a\nb" }), [], "a name that cannot be shown");
});

/** What a shell makes of words. */
async function wordsOf(script: string): Promise<readonly string[]> {
  const command = new Deno.Command("/bin/sh", {
    args: ["-c", `set -- ${script}; for each do printf '%s\\0' "$each"; done`],
  });
  return new TextDecoder().decode((await command.output()).stdout).split("\0").slice(0, -1);
}

const ODD = [`a'b`, `$(reboot)`, "`id`", `a"b`, `a\\`, `; rm x`, `a b`, `日本 'LAN'`, `-rf`, `!x`, `*`];

Deno.test("a shell takes a quoted word as it is", { ignore: Deno.build.os === "windows" }, async () => {
  assert.deepEqual(await wordsOf(ODD.map(quoteForSh).join(" ")), ODD);
});

Deno.test(
  "with an odd name the commands for a shell have the same words",
  { ignore: Deno.build.os === "windows" },
  async () => {
    for (const name of ODD) {
      const [command = ""] = commandsOf({ managedBy: "macOS", profile: name });
      const words = ["sudo", "networksetup", "-setmanual", name, "192.168.1.10", "255.255.255.0", "192.168.1.1"];
      assert.deepEqual(await wordsOf(command), words);
      const [, write = ""] = commandsOf({
        managedBy: "systemd-networkd",
        name,
        profile: `/etc/systemd/network/${name}.network`,
      });
      const [, target] = write.split(" | sudo tee ");
      assert.deepEqual(await wordsOf(target!), [`/etc/systemd/network/${name}.network.d/fixed-address.conf`]);
    }
  },
);

Deno.test("the line that netplan's file has for an odd name is YAML with that name", async () => {
  const { parse } = await import("yaml");
  const [command = ""] = commandsOf({ managedBy: "netplan", name: `a": {b: [` });
  const lines = [...command.split(" | ")[0]!.matchAll(/'((?:[^']|'\\'')*)'/g)].map(([, line]) =>
    line!.replaceAll(`'\\''`, "'")
  );
  assert.deepEqual(parse(lines.slice(1).join("\n")), {
    network: {
      version: 2,
      ethernets: {
        [`a": {b: [`]: {
          dhcp4: false,
          addresses: ["192.168.1.10/24"],
          routes: [{ to: "0.0.0.0/0", via: "192.168.1.1" }],
          nameservers: { addresses: ["192.168.1.1"] },
        },
      },
    },
  });
});

Deno.test("sed turns the line of ifupdown into a fixed address, and touches no other adapter", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const [sed = ""] = commandsOf({ managedBy: "ifupdown", profile: "/dev/stdin" });
  const script = sed.replace("sudo sed -i.old", "sed").replace(" /dev/stdin", "");
  const child = new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "piped", stdout: "piped" }).spawn();
  await new Blob(["auto eth0\niface eth0 inet dhcp\niface eth0.1 inet dhcp\niface eth0 inet6 auto\n"]).stream().pipeTo(
    child.stdin,
  );
  assert.equal(
    await new Response(child.stdout).text(),
    "auto eth0\niface eth0 inet static\n    address 192.168.1.10/24\n    gateway 192.168.1.1\n" +
      "    dns-nameservers 192.168.1.1\niface eth0.1 inet dhcp\niface eth0 inet6 auto\n",
  );
  await child.status;
});

Deno.test("in PowerShell's quotes no quote of any kind is left single", () => {
  assert.equal(quoteForPowerShell(`a'b\u2019c`), `'a''b\u2019\u2019c'`);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("'", "\u2018", "\u2019", "\u201a", "\u201b", "a", "$") }), (text) => {
      const inside = quoteForPowerShell(text).slice(1, -1);
      assert.equal(inside.replaceAll(/(['\u2018-\u201b])\1/g, "").match(/['\u2018-\u201b]/), null);
    }),
  );
});
