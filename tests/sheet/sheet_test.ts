/**
 * The router sheet. Its text and HTML for 192.168.1.10 behind 192.168.1.1 are in tests/testdata/sheet; with
 * `UPDATE_GOLDEN=1` they are written again.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { sheetHtml, STYLE, STYLE_HASH } from "../../src/sheet/html.ts";
import { languageOf, LANGUAGES } from "../../src/sheet/language.ts";
import { routerSheet, type SheetPort } from "../../src/sheet/sheet.ts";
import { sheetText } from "../../src/sheet/text.ts";
import { homeNetwork, LEASED } from "../support/network.ts";

const GAME: SheetPort = { name: "shop/game", port: 25565, protocols: ["tcp", "udp"], externalPort: 25565 };
const WEB: SheetPort = { name: null, port: 8080, protocols: ["tcp"], externalPort: 4368 };

const fixedNetwork = () => homeNetwork({ addresses: [{ ...LEASED, origin: "static" }] });

for (const language of LANGUAGES) {
  for (const [kind, write] of [["txt", sheetText], ["html", sheetHtml]] as const) {
    Deno.test(`the sheet in ${language} as ${kind} is the one that was looked at`, async () => {
      const path = new URL(`../testdata/sheet/sheet.${language}.${kind}`, import.meta.url);
      const found = write(routerSheet({ ports: [GAME], facts: homeNetwork(), language }));
      if (Deno.env.get("UPDATE_GOLDEN") === "1") await Deno.writeTextFile(path, found);
      assert.equal(found, await Deno.readTextFile(path));
    });
  }
}

/** The fields of a sheet's part, as `label: value`. */
function fieldsOf(part: number, ports: readonly SheetPort[], language: "en" | "ja"): readonly (readonly string[])[] {
  const { parts } = routerSheet({ ports, facts: homeNetwork(), language });
  return parts[part]!.entries.map(({ fields }) => fields.map(([label, value]) => `${label}: ${value}`));
}

Deno.test("the Japanese sheet has every field of the routers' pages, filled in", () => {
  const [filter, ...others] = fieldsOf(1, [WEB], "ja");
  assert.deepEqual(filter, [
    "種別: 許可",
    "送信元IPアドレス: any",
    "宛先IPアドレス: 192.168.1.10",
    "プロトコル: TCP",
    "送信元ポート: any",
    "宛先ポート: 8080",
    "方向: 両方",
  ]);
  assert.deepEqual(others, []);
  assert.deepEqual(fieldsOf(2, [WEB], "ja"), [[
    "変換対象プロトコル: TCP",
    "変換対象ポート: 4368",
    "宛先IPv4アドレス: 192.168.1.10",
    "宛先ポート: 8080",
  ]]);
});

Deno.test("the English sheet has the same fields, one entry for each port and protocol", () => {
  assert.equal(fieldsOf(1, [GAME, WEB], "en").length, 3);
  assert.deepEqual(fieldsOf(2, [GAME, WEB], "en").map((fields) => fields.slice(0, 2)), [
    ["Protocol: TCP", "External port (WAN, public): 25565"],
    ["Protocol: UDP", "External port (WAN, public): 25565"],
    ["Protocol: TCP", "External port (WAN, public): 4368"],
  ]);
});

Deno.test("both languages say the same things in the same order", () => {
  const shapeOf = (language: "en" | "ja") =>
    routerSheet({ ports: [GAME, WEB], facts: homeNetwork(), language }).parts.map(({ text, entries, ways }) => ({
      text: text.length,
      values: entries.map(({ fields }) => fields.length),
      commands: ways.map(({ commands }) => commands),
    }));
  assert.deepEqual(shapeOf("en"), shapeOf("ja"));
});

Deno.test("the sheet ends with the commands that open this machine's firewall and check the port", () => {
  const { parts } = routerSheet({ ports: [GAME, WEB], facts: homeNetwork(), language: "en" });
  assert.deepEqual(parts.at(-1)!.ways.map(({ commands }) => commands), [
    ["portd open shop/game --remote any"],
    ["portd check shop/game", "portd check 25565 --udp", "portd check 8080"],
    ["portd line --stun"],
  ]);
});

Deno.test("the check of a UDP port says so: that of the number alone would look at TCP", () => {
  const port = { name: null, port: 19132, protocols: ["udp"], externalPort: 19132 } as const;
  const { parts } = routerSheet({ ports: [port], facts: homeNetwork(), language: "en" });
  assert.deepEqual(parts.at(-1)!.ways.map(({ commands }) => commands)[0], ["portd check 19132 --udp"]);
});

Deno.test("a fixed address is left as it is; where it is not known who configures the adapter, it is fixed by hand", () => {
  const [fixed] = routerSheet({ ports: [WEB], facts: fixedNetwork(), language: "en" }).parts;
  assert.deepEqual([fixed!.ways, fixed!.text], [[], ["192.168.1.10 is a fixed address already: nothing to do here."]]);
  const facts = homeNetwork({ managedBy: null, profile: null });
  const [unknown] = routerSheet({ ports: [WEB], facts, language: "en" }).parts;
  assert.match(unknown!.ways.map(({ text }) => text).join("\n"), /enter the values above in its network settings/);
  assert.deepEqual(unknown!.ways.flatMap(({ commands }) => commands), []);
});

Deno.test("on Windows the commands are for PowerShell", () => {
  const facts = homeNetwork({ managedBy: "Windows", name: "イーサネット", profile: null });
  const text = sheetText(routerSheet({ ports: [WEB], facts, language: "ja" }));
  assert.match(text, /PowerShell.*\n.*Set-NetIPInterface -InterfaceAlias 'イーサネット'/);
});

Deno.test("there is no sheet for a machine without a router", () => {
  const facts = homeNetwork(), { internet } = facts;
  const make = (ipv4: typeof internet.ipv4) => () =>
    routerSheet({ ports: [WEB], facts: { ...facts, internet: { ...internet, ipv4 } }, language: "en" });
  assert.throws(make(null), /has no way to the internet by IPv4/);
  assert.throws(make({ ...internet.ipv4!, gateway: null }), /reaches it without a router/);
});

Deno.test("the language is that of the locale, or else of the system", () => {
  assert.equal(languageOf({ LANG: "ja_JP.UTF-8" }, "en-US"), "ja");
  assert.equal(languageOf({ LC_ALL: "C", LANG: "ja_JP.UTF-8" }, "ja"), "en");
  assert.equal(languageOf({ LC_ALL: "", LC_MESSAGES: "ja", LANG: "en_US" }, "en"), "ja");
  assert.equal(languageOf({}, "ja-JP"), "ja");
  assert.equal(languageOf({}, "jam"), "en");
});

Deno.test("the document lets in its own style and nothing else", () => {
  assert.equal(STYLE_HASH, `sha256-${createHash("sha256").update(STYLE).digest("base64")}`);
  const html = sheetHtml(routerSheet({ ports: [GAME], facts: homeNetwork(), language: "ja" }));
  assert.match(html, /default-src 'none'; style-src 'sha256-/);
  assert.doesNotMatch(html, /<script|<link|<img|<iframe|\sstyle=|\son\w+=|\bsrc=|\bhref=|url\(/i);
  assert.equal(html.match(/<style>/g)?.length, 1);
});

/** Text that would break out of HTML, of a line or of a terminal. */
const hostile = fc.array(
  fc.constantFrom("<", ">", "&", '"', "'", "</style>", "<script>", "\n", "\x1b[2J", "\u202e", "\x85", "a", "$("),
  { maxLength: 8 },
).map((parts) => parts.join(""));

Deno.test("no name of a lease or an adapter breaks out of the HTML or the text", () => {
  fc.assert(fc.property(hostile, hostile, fc.constantFrom(...LANGUAGES), (name, adapter, language) => {
    const ports = [{ ...GAME, name }];
    const sheet = routerSheet({
      ports,
      facts: homeNetwork({ name: adapter, managedBy: "Windows", mac: adapter }),
      language,
    });
    const html = sheetHtml(sheet), plain = sheetHtml(routerSheet({ ports: [GAME], facts: homeNetwork(), language }));
    const tagsOf = (text: string) => new Set(text.match(/<[^\s>]*/g));
    assert.deepEqual(tagsOf(html), tagsOf(plain));
    assert.doesNotMatch(html, /<script>/);
    // deno-lint-ignore no-control-regex -- it is about control characters
    assert.doesNotMatch(html + sheetText(sheet), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  }));
});
