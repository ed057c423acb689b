import assert from "node:assert/strict";
import fc from "fast-check";
import { GatewayError } from "../../../src/gateway/gateway.ts";
import { ActionRefused, decodeAnswer, encodeCall } from "../../../src/gateway/upnp/soap.ts";
import { child, parseXml } from "../../../src/gateway/upnp/xml.ts";
import { encodeAnswer } from "../../support/gateway/igd.ts";

const bodyOf = (action: string, answer: Parameters<typeof encodeAnswer>[1]) => encodeAnswer(action, answer)[1]!;

Deno.test("a call has the form of the UPnP Device Architecture, with its values escaped", () => {
  const text = encodeCall("urn:x:WANIPConnection:1", "AddPortMapping", { NewRemoteHost: "", NewDescription: '<a>&"' });
  assert.equal(
    text,
    '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
      's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
      '<u:AddPortMapping xmlns:u="urn:x:WANIPConnection:1"><NewRemoteHost></NewRemoteHost>' +
      "<NewDescription>&lt;a&gt;&amp;&quot;</NewDescription></u:AddPortMapping></s:Body></s:Envelope>\r\n",
  );
});

Deno.test("the values of a call are read as they were given, whatever they are", () => {
  fc.assert(fc.property(fc.dictionary(fc.constantFrom("A", "B", "C"), fc.string()), (values) => {
    const action = child(child(parseXml(encodeCall("t", "X", values)), "Body"), "X");
    for (const [name, value] of Object.entries(values)) {
      // deno-lint-ignore no-control-regex -- it is about control characters
      assert.equal(child(action, name)?.text, value.replaceAll(/[\x00-\x1f]/g, "").trim());
    }
  }));
});

Deno.test("answers and errors are read, whatever their prefixes", () => {
  const answer = decodeAnswer(200, bodyOf("Get", { NewA: "1", NewB: "a & <b>" }), "Get");
  assert.deepEqual([...answer as Map<string, string>], [["NewA", "1"], ["NewB", "a & <b>"]]);
  assert.deepEqual(decodeAnswer(500, bodyOf("Get", 718), "Get"), { code: 718, text: "as the test says" });
  assert.deepEqual(decodeAnswer(200, bodyOf("Get", 606), "Get"), { code: 606, text: "as the test says" });
  const bare = "<Envelope><Body><GetResponse><A>1</A></GetResponse></Body></Envelope>";
  assert.deepEqual([...decodeAnswer(200, bare, "Get") as Map<string, string>], [["A", "1"]]);
});

Deno.test("what is neither an answer nor an error is refused in words, with the status", () => {
  const fault = (inner: string) => `<Envelope><Body><Fault>${inner}</Fault></Body></Envelope>`;
  for (
    const [status, text, reason] of [
      [500, "<html><body>Internal error<br></body></html>", /HTTP status 500\): it says no reason/],
      [500, "", /HTTP status 500\): it says no reason/],
      [404, "<html></html>", /HTTP status 404\): no answer to Get/],
      [200, "", /not one root element|not well-formed/],
      [200, "<Envelope><Body/></Envelope>", /no answer to Get/],
      [200, bodyOf("Put", { A: 1 }), /no answer to Get/],
      [500, bodyOf("Get", { A: 1 }), /HTTP status 500\): no answer to Get/],
      [500, fault("<faultstring>UPnPError</faultstring>"), /no error code/],
      [500, fault("<detail><UPnPError><errorCode>x</errorCode></UPnPError></detail>"), /no error code/],
    ] as const
  ) {
    assert.throws(() => decodeAnswer(status, text, "Get"), (error) => {
      assert.ok(error instanceof GatewayError && !(error instanceof ActionRefused), String(error));
      assert.equal(error.fault, "failed");
      assert.match(error.message, reason);
      return true;
    });
  }
});

Deno.test("a router's words are bounded, and cannot move the cursor", () => {
  const text = `\x1b[2J&#27;[31m${"x".repeat(5000)}`;
  const error = `<UPnPError><errorCode>501</errorCode><errorDescription>${text}</errorDescription></UPnPError>`;
  const read = decodeAnswer(500, `<Envelope><Body><Fault><detail>${error}</detail></Fault></Body></Envelope>`, "Get");
  assert.ok("text" in read && read.text.length === 100);
  assert.match(read.text, /^\\x1b\[2J\\x1b\[31mx+$/);
  const long = decodeAnswer(200, bodyOf("Get", { A: "y".repeat(100_000) }), "Get") as ReadonlyMap<string, string>;
  assert.equal(long.get("A")?.length, 1024);
});

Deno.test("each error of a router is a fault, and is named where the router does not", () => {
  const refused = (code: number, family: "mapping" | "pinhole" = "mapping", text = "") =>
    new ActionRefused("Act", { code, text }, family);
  const faults = {
    mapping: {
      401: "unsupported",
      402: "failed",
      501: "no_resources",
      602: "unsupported",
      606: "not_authorized",
      714: "failed",
      715: "unsupported",
      716: "unsupported",
      718: "port_taken",
      724: "port_taken",
      725: "unsupported",
      726: "unsupported",
      727: "unsupported",
      728: "no_resources",
      729: "port_taken",
      899: "failed",
    },
    pinhole: { 606: "not_authorized", 701: "no_resources", 703: "not_authorized", 704: "failed", 705: "unsupported" },
  } as const;
  for (const [family, codes] of Object.entries(faults) as [keyof typeof faults, Record<string, string>][]) {
    for (const [code, fault] of Object.entries(codes)) assert.equal(refused(Number(code), family).fault, fault, code);
  }
  assert.equal(refused(728).message, "The router refuses Act by UPnP: NoPortMapsAvailable, error 728");
  assert.equal(refused(899).message, "The router refuses Act by UPnP: error 899");
  assert.equal(refused(606, "mapping", "Not you").message, "The router refuses Act by UPnP: Not you, error 606");
});
