import assert from "node:assert/strict";
import fc from "fast-check";
import { GatewayError } from "../../../src/gateway/gateway.ts";
import { child, escapeXml, parseXml } from "../../../src/gateway/upnp/xml.ts";

function refuses(text: string, reason: RegExp): void {
  assert.throws(() => parseXml(text), (error) => {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.fault, "failed");
    assert.match(error.message, reason);
    assert.ok(error.message.length < 200);
    return true;
  });
}

Deno.test("a document is read without its prefixes, its comments and its declaration", () => {
  const root = parseXml(
    '\ufeff<?xml version="1.0"?>\n<!-- x --><a:b xmlns:a="y"><c d="e"> 1 <!-- 2 -->3</c><c/></a:b>\n',
  );
  assert.deepEqual(root, {
    name: "b",
    text: "",
    children: [{ name: "c", text: "1 3", children: [] }, { name: "c", text: "", children: [] }],
  });
  assert.equal(child(root, "c")?.text, "1 3");
  assert.equal(child(root, "d"), undefined);
});

Deno.test("XML's own entities and references to characters are resolved once, and none in CDATA", () => {
  assert.equal(parseXml("<a>&amp;lt; &#65;&#x42; &lt;&gt;&quot;&apos;</a>").text, "&lt; AB <>\"'");
  assert.equal(parseXml("<a><![CDATA[<b>&amp;</b>]]> &amp;</a>").text, "<b>&amp;</b> &");
  assert.equal(parseXml("<a>&#0;&#x110000;</a>").text, "&#0;&#x110000;");
});

Deno.test("an ampersand that begins nothing is text: names of routers have them", () => {
  assert.equal(parseXml("<a>R&D &unknown; &</a>").text, "R&D &unknown; &");
});

Deno.test("a name that JavaScript's objects have is a name like others, or refused", () => {
  assert.equal(parseXml("<a><toString>1</toString><length>2</length></a>").children[1]?.text, "2");
  for (const name of ["__proto__", "constructor", "prototype", "hasOwnProperty"]) {
    try {
      assert.equal(parseXml(`<a><${name}>1</${name}></a>`).name, "a");
    } catch (error) {
      assert.ok(error instanceof GatewayError, String(error));
    }
    assert.equal(({} as Record<string, unknown>).text, undefined);
  }
});

Deno.test("a document type is refused, whatever it declares", () => {
  const bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>';
  for (
    const text of [bomb, "<!DOCTYPE a><a/>", '<!doctype a SYSTEM "file:///etc/passwd"><a/>', "<a><!ENTITY b 'c'></a>"]
  ) {
    refuses(text, /document type/);
  }
});

Deno.test("too many elements, within each other or side by side, are refused", () => {
  assert.equal(parseXml("<a>".repeat(32) + "</a>".repeat(32)).name, "a");
  refuses("<a>".repeat(3000) + "</a>".repeat(3000), /not well-formed/);
  refuses("<a>".repeat(80_000), /more than 10000 tags/);
  refuses(`<a>${"<b/>".repeat(60_000)}</a>`, /more than 10000 tags/);
  refuses(`<a>${"&".repeat(260_000)}</a>`, /more than 10000 tags and entities/);
});

Deno.test("what is not well-formed is refused, and not repeated in the message", () => {
  for (
    const text of ["", " ", "a", "<a>", "<a></b>", "</a>", "<a", "<a/><b/>", "<<<<", "<a>\0<", `<${"x".repeat(999)}`]
  ) {
    refuses(text, /not well-formed|not one root element/);
  }
});

Deno.test("a text that is escaped comes back the same", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    // XML cannot have most controls, and readers make one line end of "\r\n" (XML section 2.11).
    // deno-lint-ignore no-control-regex -- it is about control characters
    const legal = text.toWellFormed().replaceAll(/[\x00-\x1f\ufffe\uffff]/g, "");
    assert.equal(parseXml(`<a>${escapeXml(legal)}</a>`).text, legal.trim());
  }));
  assert.equal(escapeXml(`<a b="c" d='e'>&\0\ud800`), "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;\ufffd");
});

Deno.test("reading is total on any text", () => {
  const parts = fc.constantFrom(
    "<",
    ">",
    "</",
    "/>",
    "a",
    ":",
    "&",
    ";",
    "#",
    "x",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    '"',
    "=",
    " ",
    "\n",
    "\0",
    "é",
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 60 }), (pieces) => {
      try {
        parseXml(pieces.join(""));
      } catch (error) {
        assert.ok(error instanceof GatewayError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});
