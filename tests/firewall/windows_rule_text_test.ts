import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRuleText, type RuleText } from "../../src/firewall/windows/rule_text.ts";

const CAPTURE = new URL("../testdata/windows/firewall_rules.txt", import.meta.url);
const LINES = Deno.readTextFileSync(CAPTURE).split("\n").filter((line) => line.startsWith("v"));

/** The rule as one readable line, without what says nothing. */
function describe(rule: RuleText): string {
  const { action, active, direction, protocol, profiles, app, service, name, group, edge } = rule;
  const parts = {
    app,
    service,
    name,
    group,
    localPorts: rule.localPorts.map((item) => typeof item === "string" ? item : `${item.first}-${item.last}`).join(),
    remoteAddresses: rule.remoteAddresses.map(({ family, kind, text }) => `${family} ${kind} ${text}`).join(),
    others: rule.others.map(({ key, value }) => `${key}=${value}`).join(),
  };
  const words = Object.entries(parts).filter(([, value]) => value !== undefined && value !== "");
  const first = [action, active ? "on" : "off", direction, protocol ?? "any", profiles.join("+")];
  return [...first, ...(edge ? ["edge"] : []), ...words.map(([key, value]) => `${key}: ${value}`)].join(" | ");
}

const ALL = "domain+private+public", SVCHOST = "%SystemRoot%\\system32\\svchost.exe";
const EXPECTED = [
  `Allow | on | In | 6 | domain | app: ${SVCHOST} | service: RPCSS | name: @FirewallAPI.dll,-29011 | ` +
  "group: @FirewallAPI.dll,-29002 | localPorts: RPC-EPMap",
  "Allow | off | In | 6 | private+public | app: System | name: @FirewallAPI.dll,-25426 | " +
  "group: @FirewallAPI.dll,-25000 | localPorts: IPHTTPSIn,IPTLSIn",
  "Block | on | In | 17 | public | app: C:\\program files\\nodejs\\node.exe | " +
  "name: Node.js: Server-side JavaScript | others: Defer=User",
  "Allow | on | In | 6 | public | app: System | name: @FirewallAPI.dll,-30253 | " +
  "group: @FirewallAPI.dll,-30267 | localPorts: 5985-5985 | " +
  "remoteAddresses: 4 keyword LocalSubnet,6 keyword LocalSubnet",
  `Allow | on | Out | 17 | ${ALL} | app: ${SVCHOST} | service: ssdpsrv | name: @FirewallAPI.dll,-36104 | ` +
  "group: @FirewallAPI.dll,-36001 | localPorts: Ply2Disc | " +
  "remoteAddresses: 4 keyword Ply2Renders,6 keyword Ply2Renders | others: RPort=1900",
  "Allow | on | In | 6 | public | app: %SystemRoot%\\system32\\dashost.exe | name: @wfd.dll,-10 | " +
  "others: TTK2_22=WFDDevices,TTK=ProxSharing",
  `Allow | on | In | 58 | ${ALL} | app: System | name: @FirewallAPI.dll,-25009 | ` +
  "group: @FirewallAPI.dll,-25000 | remoteAddresses: 6 network fe80::/64 | " +
  "others: ICMP6=128:*,ICMP6=135:0,NNm=aGVsbG8",
  `ByPass | on | In | 6 | ${ALL} | name: Bypass | localPorts: 445-445 | ` +
  "others: RMauth=O:NSG:BAD:(A;;CC;;;S-1-5-21-1-2-3-4),Security2_9=An-NoEncap",
  `Allow | on | In | 17 | ${ALL} | app: ${SVCHOST} | service: dnscache | ` +
  "name: @%SystemRoot%\\system32\\firewallapi.dll,-37303 | localPorts: 5353-5353,mDNS",
  `Allow | on | In | 6 | ${ALL} | name: Game server | localPorts: 7777-7778,27015-27015,27020-27020 | ` +
  "others: RPort2_10=1024-65535",
  `Allow | on | Out | any | ${ALL} | name: @{Microsoft.Win32WebViewHost_10.0.22000.1_neutral_neutral_` +
  "cw5n1h2txyewy?ms-resource://Windows.Win32WebViewHost/resources/DisplayName} | " +
  "others: PFN=Microsoft.Win32WebViewHost_cw5n1h2txyewy,LUOwn=S-1-5-21-1-2-3-1001,Platform=2:6:2,Platform2=GTEQ," +
  "TTK2_28=WFDCDPSvc",
  `Block | on | In | any | ${ALL} | name: Block all | ` +
  "others: LUAuth=O:LSD:(D;;CC;;;S-1-5-80-2940520708-3855866260-481812779-327648279-1710889582)",
  `Allow | on | In | 6 | domain+private | edge | app: ${SVCHOST} | service: dosvc | name: Delivery | ` +
  "localPorts: 7680-7680 | remoteAddresses: 4 network 10.0.0.0/8,4 network 192.168.1.0/24,4 network 192.0.2.7/32," +
  "6 network fd00::/8,6 network 2001:db8::7/128 | others: RA4=198.51.100.1-198.51.100.9,LA4=192.168.1.2,Defer=App",
  `Block | on | In | 6 | ${ALL} | name: TCP | group: GSecurity | localPorts: 1-66,69-55554,55556-65535`,
  `Allow | on | In | any | ${ALL} | name: Only by radio | ` +
  "others: IFType=Wireless,IF={6DE9BFB4-8AC2-4A92-8C2A-5D0A3A0D6F0D},SkipVer=2.31",
  "Allow | on | In | 6 | domain+private | name: portd-in-tcp-20417 shop/web | group: portd | " +
  "localPorts: 20417-20417 | remoteAddresses: 4 keyword LocalSubnet,6 keyword LocalSubnet",
  `Allow | on | In | 17 | ${ALL} | app: C:\\Program Files (x86)\\Microsoft\\EdgeWebView\\Application\\` +
  "150.0.4078.83\\msedgewebview2.exe | name: Microsoft Edge (mDNS-In) | group: Microsoft Edge WebView2 Runtime | " +
  "localPorts: 5353-5353",
  ` | off |  | any | ${ALL} | name: First | ` +
  "others: Action=Maybe,Active=yes,Dir=Sideways,Protocol=256,Profile=Guest," +
  "LPort=70000,LPort=9-3,LPort=,RA4=300.1.1.1,RA6=::1::2,RA4=10.0.0.0/255.0.255.0,Future=a=b,Name=Second,Naked=," +
  "__proto__=1",
];

for (const [i, line] of LINES.entries()) {
  Deno.test(`rule ${i + 1} of the capture, of version ${line.slice(1, line.indexOf("|"))}, is read`, () => {
    assert.equal(describe(parseRuleText(line)!), EXPECTED[i]);
  });
}

Deno.test("every rule of the capture has its expectation", () => {
  assert.equal(LINES.length, EXPECTED.length);
});

Deno.test("text without a version in front is no rule", () => {
  for (const text of ["", "|", "Action=Allow|", "v2|Action=Allow|", "v2.30.1|", "2.30|Name=x|", " v2.30|"]) {
    assert.equal(parseRuleText(text), undefined, text);
  }
});

Deno.test("a last field without its bar, and empty fields, are taken", () => {
  const { name, action, others } = parseRuleText("v2.30||Action=Allow||Name=Web")!;
  assert.deepEqual([name, action, others], ["Web", "Allow", []]);
});

Deno.test("flags that are off say what their absence says", () => {
  assert.deepEqual(parseRuleText("v2.30|Edge=FALSE|LSM=FALSE|LOM=FALSE|PCROSS=FALSE|")!.others, []);
  assert.deepEqual(parseRuleText("v2.30|LOM=TRUE|")!.others, [{ key: "LOM", value: "TRUE" }]);
});

/** Also the empty one, which the line ends make. */
const KEYS = `
Action Active Dir Protocol Profile LPort LPort2_10 LPort2_20 RPort RPort2_10 RA4 RA42 RA6 RA62 LA4 LA6 App Svc Name Desc
EmbedCtxt Edge Defer LSM ICMP4 IF IFType PFN LUAuth2_24 NNm constructor
`.split(/\s/);
const VALUES = `
Allow Block TRUE FALSE In Out 6 17 255 256 -1 80 80-90 RPC Domain Public LocalSubnet * 10.0.0.0/255.0.0.0 10.0.0.0/33
fd00::/8 :: ::ffff:1.2.3.4 fe80::1%2 1.2.3.4-1.2.3.9 a=b $ %
`.split(/\s/);
const field = fc.tuple(
  fc.oneof(fc.constantFrom(...KEYS), fc.string({ unit: "binary" })),
  fc.oneof(fc.constantFrom(...VALUES), fc.string({ unit: "binary" })),
);

Deno.test("any text at all is read without a failure", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      parseRuleText(text);
      parseRuleText(`v2.30|${text}`);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("whatever the fields, none gets lost and a rule without knowledge of them is no other rule", () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
      const plain = fields.map(([key, value]) => [key.replaceAll(/[|=]/g, ""), value.replaceAll("|", "")] as const)
        .filter(([key, value]) => key + value !== "");
      const text = `v2.33|${plain.map(([key, value]) => `${key}=${value}|`).join("")}`;
      const rule = parseRuleText(text)!;
      const unknown = plain.filter(([key]) => !KEYS.includes(key) || key === "constructor" || key === "");
      for (const [key, value] of unknown) {
        assert.ok(rule.others.some((other) => other.key === key && other.value === value), `${key}=${value}`);
      }
      assert.equal(
        rule.active,
        plain.find(([key, value]) => key === "Active" && /^(TRUE|FALSE)$/.test(value))?.[1] === "TRUE",
      );
      assert.equal(rule.name, plain.find(([key]) => key === "Name")?.[1]);
      for (const ports of rule.localPorts) {
        if (typeof ports === "object") assert.ok(ports.first <= ports.last && ports.last <= 65535);
      }
      assert.ok(rule.profiles.length > 0);
    }),
    { numRuns: 2000 },
  );
});
