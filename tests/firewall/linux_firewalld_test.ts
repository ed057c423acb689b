import assert from "node:assert/strict";
import { commandsFor, type Entries, neededRule, readRules } from "../../src/firewall/linux/entries.ts";
import { callsFor, entriesIn, parseZones, type ZoneCommand } from "../../src/firewall/linux/firewalld_rules.ts";
import { rule } from "./conformance.ts";

const OWNER = "1a2b3c4d";
const OURS = 'rule priority="-32768" family="ipv4" source address="192.168.1.0/24" port port="20417" protocol="tcp" ' +
  'nflog group="7678" prefix="portd 1a2b3c4d portd-in-tcp-20417 domain,private local" accept';

/** As firewalld 1.3 prints zones; 2.x adds words to the flags behind the name, and keys. */
function zones(
  { flags = "", target = "default", interfaces = "eth0", ports = "", protocols = "", rules = [OURS] } = {},
): string {
  return [
    "drop",
    "  target: DROP",
    "  interfaces: ",
    "  rich rules: ",
    "",
    `public${flags}`,
    `  target: ${target}`,
    "  ingress-priority: 0",
    "  icmp-block-inversion: no",
    `  interfaces: ${interfaces}`,
    "  sources: ",
    "  services: dhcpv6-client ssh",
    `  ports: ${ports}`,
    `  protocols: ${protocols}`,
    "  forward: yes",
    "  rich rules: ",
    ...rules.map((text) => `\t${text}`),
    "",
  ].join("\n");
}

function entries(text: string, defaultZone = "public"): Entries<ZoneCommand> {
  return entriesIn({ zones: parseZones(text), defaultZone }, { owner: OWNER, local: ["192.168.1.0/24"] });
}

Deno.test("our rich rule is read back as the rule that it stands for", () => {
  for (const flags of ["", " (active)", " (default, active)"]) {
    const there = entries(zones({ flags }));
    const [{ name, rule: found } = { name: "" }] = readRules(there);
    assert.deepEqual([name, found?.remote, found?.profiles], ["portd-in-tcp-20417", ["LocalSubnet"], [
      "domain",
      "private",
    ]]);
    assert.equal(there.foreign, 2); // the services
    assert.equal(parseZones(zones({ flags }))[1]!.isDefault, flags.includes("default"));
  }
});

Deno.test("a rich rule in another order of elements and attributes is the same", () => {
  const other =
    'rule family="ipv4" priority="-32768" port protocol="tcp" port="20417" source address="192.168.1.0/24" ' +
    'nflog prefix="portd 1a2b3c4d portd-in-tcp-20417 domain,private local" group="7678" accept';
  assert.deepEqual(readRules(entries(zones({ rules: [other] })))[0]?.rule?.remote, ["LocalSubnet"]);
});

Deno.test("a rich rule that was altered has no content, and is removed by its altered text", () => {
  const alterations = [
    [" accept", " drop"],
    ['port="20417"', 'port="20418"'],
    ["-32768", "0"],
    ["1.0/24", "2.0/24"],
    ["source address", "source not address"],
  ] as const;
  for (const [words, others] of alterations) {
    const text = OURS.replace(words, others);
    const there = entries(zones({ rules: [text] }));
    assert.deepEqual(readRules(there), [{ name: "portd-in-tcp-20417", rule: undefined }], text);
    const commands = commandsFor(there, { add: [], change: [], remove: ["portd-in-tcp-20417"] });
    assert.deepEqual(callsFor(commands), [{ args: ["--zone=public", `--remove-rich-rule=${text}`] }]);
  }
});

Deno.test("a mark in a log, or one that differs from ours, is foreign", () => {
  const others = [OURS.replace('nflog group="7678"', "log"), OURS.replace("4d", "4e"), OURS.replace("local", "locals")];
  const there = entries(zones({ rules: others }));
  assert.deepEqual(readRules(there), []);
  assert.equal(there.foreign, 5);
});

Deno.test("a rule goes into the zones that packets come to, unless they let it pass", () => {
  const remote = (text: string, defaultZone?: string) => neededRule(entries(text, defaultZone), rule(20417))?.remote;
  assert.deepEqual(remote(zones()), ["LocalSubnet"]);
  assert.deepEqual(remote(zones({ interfaces: "" })), ["LocalSubnet"]);
  assert.deepEqual(remote(zones({ ports: "80/tcp 20000-21000/udp" })), ["LocalSubnet"]);
  for (const open of [{ target: "ACCEPT" }, { ports: "80/tcp 1025-65535/tcp" }, { protocols: "tcp" }]) {
    assert.equal(remote(zones(open)), undefined);
    assert.deepEqual(remote(zones(open), "drop"), ["LocalSubnet"]);
  }
  assert.equal(neededRule(entries(zones()), rule(20417, { direction: "out" })), undefined);
});

Deno.test("any text is read as zones without a throw", () => {
  for (const text of ["", "\n\n", "public", "  target: x", "\trule", "Error: x\n  rich rules: \n\trule family"]) {
    assert.ok(Array.isArray(parseZones(text)));
  }
});
