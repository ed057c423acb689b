/** The network as portd sees it on Windows, by Deno for Windows under Wine, against what ipconfig says there. */
import assert from "node:assert/strict";
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import { osTest } from "../support/os/requirement.ts";
import { FLAGS, Wine } from "../support/os/wine.ts";
import { WINE } from "../support/os/wine_root.ts";

/** Two adapters with addresses of both families, one that is down, and a router for each family. */
const NETWORK = [
  "link add lan type veth peer name router",
  "link set lan address 02:42:ac:11:00:02",
  "link set router up",
  "link set lan up",
  "address add 192.168.1.10/24 dev lan",
  "address add 192.168.1.11/24 dev lan",
  "address add 2001:db8:1::10/64 dev lan nodad",
  "address add 10.9.8.7/20 dev router",
  "link add idle type bridge",
  "route add default via 192.168.1.1 dev lan",
  "route add default via fe80::1 dev lan",
];

/** An adapter as both sides can show it. */
interface Row {
  readonly name: string;
  readonly mac: string | null;
  readonly hasDhcp: boolean;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
}

/** The adapters of `ipconfig /all`: a heading each, then lines of a label, dots and a value, or a further value alone. */
function ipconfigRows(text: string): Row[] {
  return text.split(/^(?=\S.* adapter )/m).slice(1).map((part) => {
    const values = new Map<string, string[]>();
    let label = "";
    for (const line of part.split(/\r?\n/).slice(1).filter((each) => each.trim() !== "")) {
      const [, found, value = line] = /^ {4}(\S.*?)[ .]*: ?(.*)$/.exec(line) ?? [];
      label = found ?? label;
      values.set(label, [...values.get(label) ?? [], value.trim()].filter((each) => each !== ""));
    }
    const all = (name: string) => values.get(name) ?? [];
    return {
      name: /adapter (.*?)\s*$/m.exec(part)![1]!,
      mac: all("Physical address")[0]?.toLowerCase().replaceAll("-", ":") ?? null,
      hasDhcp: all("DHCP enabled")[0] === "Yes",
      addresses: [...all("IPv6 address"), ...all("IPv4 address")].map((each) => each.replace(/%\d+$/, "")).sort(),
      gateways: all("Default gateway").map((each) => each.replace(/%\d+$/, "")).sort(),
    };
  }).sort(byName);
}

function portdRows({ adapters }: NetworkFacts): Row[] {
  return adapters.map(({ name, mac, addresses, gateways }) => ({
    name,
    mac,
    hasDhcp: addresses.some(({ family, origin }) => family === "ipv4" && origin === "dhcp"),
    addresses: addresses.map(({ address }) => address).sort(),
    gateways: [...gateways].sort(),
  })).sort(byName);
}

function byName(a: Row, b: Row): number {
  return a.name.localeCompare(b.name);
}

osTest("on Windows portd net shows the adapters that ipconfig /all shows", WINE, async (t) => {
  await using wine = await Wine.start({ ownNetwork: NETWORK });
  const { code, stdout, stderr } = await wine.deno([
    "run",
    ...FLAGS,
    wine.path("tests/support/os/wine_network.ts"),
  ]);
  assert.equal(code, 0, stderr);
  const { facts, ipconfig } = JSON.parse(stdout) as { readonly facts: NetworkFacts; readonly ipconfig: string };
  await t.step("names, MACs, DHCP, addresses and routers are those of ipconfig /all", () => {
    const rows = portdRows(facts);
    assert.deepEqual(rows, ipconfigRows(ipconfig));
    assert.deepEqual(rows.map(({ name }) => name), ["idle", "lan", "lo", "router"]);
    assert.deepEqual(rows[1]!.addresses.filter((each) => !each.startsWith("fe80")), [
      "192.168.1.10",
      "192.168.1.11",
      "2001:db8:1::10",
    ]);
  });
  await t.step("prefixes, states and the way to the internet are those of the network that was made", () => {
    const { adapters, internet } = facts;
    const prefixes = adapters.flatMap(({ addresses }) =>
      addresses.map(({ address, prefix }) => `${address}/${prefix}`)
    );
    for (const each of ["192.168.1.10/24", "10.9.8.7/20", "2001:db8:1::10/64", "127.0.0.1/8", "::1/128"]) {
      assert.ok(prefixes.includes(each), `${each} is not among ${prefixes}`);
    }
    assert.deepEqual(adapters.filter(({ isUp }) => !isUp).map(({ name }) => name), ["idle"]);
    assert.equal(internet.ipv4?.adapter, "lan");
    assert.equal(internet.ipv4?.gateway, "192.168.1.1");
    assert.ok(["192.168.1.10", "192.168.1.11"].includes(internet.ipv4!.address));
    assert.deepEqual(internet.ipv6?.gateway?.replace(/%\d+$/, ""), "fe80::1");
    assert.equal(internet.ipv6?.address, "2001:db8:1::10");
  });
  await t.step("portd net, the whole command, says the same", async () => {
    const net = await wine.portd(["net", "--json"], { env: { PORTD_LISTEN: "127.0.0.1:1" } });
    assert.equal(net.code, 0, net.stderr);
    assert.deepEqual(JSON.parse(net.stdout), facts);
    const sheet = await wine.portd(["net", "--sheet", "25565", "--lang", "ja"], {
      env: { PORTD_LISTEN: "127.0.0.1:1" },
    });
    assert.equal(sheet.code, 0, sheet.stderr);
    assert.match(sheet.stdout, /変換対象ポート: 25565\n +宛先IPv4アドレス: 192\.168\.1\.1[01]\n/);
  });
});
