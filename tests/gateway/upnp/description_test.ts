import assert from "node:assert/strict";
import { GatewayError } from "../../../src/gateway/gateway.ts";
import { type Description, fetchDescription, readDescription } from "../../../src/gateway/upnp/description.ts";
import type { Home } from "../../../src/gateway/upnp/place.ts";
import { describe, FakeIgd, httpAnswer, type IgdBytes } from "../../support/gateway/igd.ts";

const HOME: Home = { family: "ipv4", gateway: "192.168.1.1", localAddress: "192.168.1.10" };
const TARGET = { address: "192.168.1.1", port: 5000, path: "/root.xml" };
const LOOPBACK: Home = { family: "ipv4", gateway: "127.0.0.1", localAddress: "127.0.0.1" };

const read = (text: string) => readDescription(text, TARGET, HOME);
const service = (type: string, url: string) =>
  `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType><controlURL>${url}</controlURL></service>`;
const root = (services: string, more = "") =>
  `<root>${more}<device><friendlyName>R</friendlyName><serviceList>${services}</serviceList></device></root>`;
const controls = ({ services }: Description) =>
  services.map(({ type, control: { address, port, path } }) =>
    `${type.split(":").slice(-2).join(":")} ${address}:${port}${path}`
  );

Deno.test("the services of all devices within each other are found, those of newer versions first", () => {
  const more = `<serviceList>${service("WANPPPConnection:1", "/ppp")}</serviceList>`;
  assert.deepEqual(read(describe(2)).name, "Fake & sound");
  assert.deepEqual(controls(read(describe(2))), [
    "WANIPConnection:2 192.168.1.1:5000/control",
    "WANIPv6FirewallControl:1 192.168.1.1:5000/control",
  ]);
  assert.deepEqual(
    controls(read(describe(1, more))),
    ["WANIPConnection:1 192.168.1.1:5000/control"],
    "one list a device",
  );
  const services = [
    "WANPPPConnection:1",
    "WANIPConnection:1",
    "WANIPv6FirewallControl:1",
    "WANIPConnection:2",
    "Other:1",
  ];
  assert.deepEqual(controls(read(root(services.map((type) => service(type, `/${type}`)).join("")))), [
    "WANIPConnection:2 192.168.1.1:5000/WANIPConnection:2",
    "WANIPConnection:1 192.168.1.1:5000/WANIPConnection:1",
    "WANPPPConnection:1 192.168.1.1:5000/WANPPPConnection:1",
    "WANIPv6FirewallControl:1 192.168.1.1:5000/WANIPv6FirewallControl:1",
  ]);
});

Deno.test("the address of a service may be absolute or relative, to the description or to URLBase, and is on the router", () => {
  const control = (url: string, more?: string) => controls(read(root(service("WANIPConnection:1", url), more)))[0];
  assert.equal(control("/c?a=1&amp;b=2"), "WANIPConnection:1 192.168.1.1:5000/c?a=1&b=2");
  assert.equal(control("http://192.168.1.1:80/c"), "WANIPConnection:1 192.168.1.1:80/c");
  assert.equal(
    control("c", "<URLBase>http://192.168.1.1:49152/d/</URLBase>"),
    "WANIPConnection:1 192.168.1.1:49152/d/c",
  );
  assert.equal(control("/c", "<URLBase>http://10.0.0.1:1/</URLBase>"), "WANIPConnection:1 192.168.1.1:5000/c");
  assert.equal(control("http://10.0.0.1/c"), undefined);
  assert.equal(control("http://evil.example/c"), undefined);
  assert.equal(control(""), undefined);
});

Deno.test("a name is bounded, and cannot move the cursor", () => {
  const name = (text: string) => read(`<root><device><friendlyName>${text}</friendlyName></device></root>`).name;
  assert.equal(name("日本".repeat(100)), "日本".repeat(32));
  assert.equal(name("a&#27;[2J&#10;b"), "a\\x1b[2J\\x0ab");
  assert.equal(name("\u{1f600}".repeat(200))?.isWellFormed(), true);
  assert.equal(name(" "), null);
  assert.equal(read("<root><device/></root>").name, null);
});

Deno.test("many services are not all kept, and no description is one", () => {
  const types = Array.from({ length: 500 }, (_, i) => service("WANIPConnection:1", `/${i}`)).join("");
  assert.equal(read(root(types)).services.length, 16);
  for (const text of ["<html><device/></html>", "<root/>", "<root><device2/></root>", "", "x"]) {
    assert.throws(() => read(text), (error) => error instanceof GatewayError && error.fault === "failed", text);
  }
});

/** What fetching gives where the router answers with these bytes. */
async function fetchAnswered(bytes: () => IgdBytes): Promise<Description> {
  await using igd = new FakeIgd();
  igd.raw = bytes;
  const target = { ...TARGET, address: igd.address, port: igd.httpPort };
  return await fetchDescription(target, LOOPBACK, { localAddress: igd.address, limitMs: 30_000 });
}

const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n";
function* endless(head: string, piece: string): Generator<string> {
  yield head;
  for (;;) yield piece;
}

const HOSTILE: Readonly<Record<string, readonly [RegExp, () => IgdBytes]>> = {
  "a redirection": [
    /HTTP status 302/,
    () => [`HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n`],
  ],
  "a page for people": [/text\/html in the place of XML/, () => httpAnswer(200, describe(1), "text/html")],
  "10 MB with their length": [
    /larger than 256 KB/,
    () => endless(`${ok}Content-Length: 10485760\r\n\r\n`, "x".repeat(65536)),
  ],
  "endless bytes without a length": [/larger than 256 KB/, () => endless(`${ok}\r\n`, "x".repeat(65536))],
  "endless pieces": [
    /larger than 256 KB/,
    () => endless(`${ok}Transfer-Encoding: chunked\r\n\r\n`, `1000\r\n${"x".repeat(4096)}\r\n`),
  ],
  "an endless head": [/head is longer/, () => endless(ok, `X: ${"y".repeat(999)}\r\n`)],
  "an endless empty line": [/head is longer/, () => endless("", " ".repeat(999))],
  "pieces that are garbage": [/no number/, () => [`${ok}Transfer-Encoding: chunked\r\n\r\n`, "\0\x01garbage\r\n"]],
  "a length that is too large": [/connection ended before/, () => [`${ok}Content-Length: 9999\r\n\r\n`, describe(1)]],
  "a length that is too small": [/not well-formed/, () => [`${ok}Content-Length: 99\r\n\r\n`, describe(1)]],
  "a bomb of entities": [
    /document type/,
    () => httpAnswer(200, `<!DOCTYPE r [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><root>&c;</root>`),
  ],
  "a bomb of elements": [/more than 10000/, () => httpAnswer(200, "<a>".repeat(80_000))],
  "a bomb of text": [
    /not well-formed|describes no device/,
    () => httpAnswer(200, `<root>${"x".repeat(250_000)}</root>`),
  ],
  "no XML": [/not well-formed/, () => httpAnswer(200, "\0\xff\xfe")],
  "nothing": [/connection ended before its head/, () => []],
};

for (const [what, [reason, bytes]] of Object.entries(HOSTILE)) {
  Deno.test(`a description that is ${what} is refused in words`, async () => {
    await assert.rejects(fetchAnswered(bytes), (error) => {
      assert.ok(error instanceof GatewayError, String(error));
      assert.equal(error.fault, "failed", error.message);
      assert.match(error.message, reason);
      return true;
    });
  });
}

Deno.test("a description that drips is given up when its time is over", async () => {
  await using igd = new FakeIgd();
  const release = Promise.withResolvers<void>();
  igd.raw = async function* () {
    yield ok;
    await release.promise;
  };
  const target = { ...TARGET, address: igd.address, port: igd.httpPort };
  const fetched = fetchDescription(target, LOOPBACK, { localAddress: igd.address, limitMs: 100 });
  await assert.rejects(fetched, (error) => {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.fault, "silent");
    assert.match(error.message, /no whole answer came within 100 ms/);
    return true;
  });
  release.resolve();
});

Deno.test("a description is taken whatever XML is called, and where nothing says its type", async () => {
  for (const type of ["text/xml", "application/xml", "application/rss+xml", "text/plain", ""]) {
    assert.equal((await fetchAnswered(() => httpAnswer(200, describe(1), type))).services.length, 1, type);
  }
});
