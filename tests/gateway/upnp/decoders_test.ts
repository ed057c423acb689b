/** All that reads what a router sends, on 100,000 answers that are almost right. */
import assert from "node:assert/strict";
import { GatewayError } from "../../../src/gateway/gateway.ts";
import { readDescription } from "../../../src/gateway/upnp/description.ts";
import { HttpResponseReader, LARGEST_BODY } from "../../../src/gateway/upnp/http_response.ts";
import { readLocation, resolveOnRouter } from "../../../src/gateway/upnp/place.ts";
import { decodeAnswer } from "../../../src/gateway/upnp/soap.ts";
import { readSearchAnswer, SEARCH_TARGETS } from "../../../src/gateway/upnp/ssdp.ts";
import { encodeAnswer } from "../../support/gateway/igd.ts";
import { mutate } from "../../support/gateway/mutations.ts";
import { Random } from "../../support/random.ts";

const HOME = { family: "ipv4", gateway: "192.168.1.1", localAddress: "192.168.1.10" } as const;
const HOME6 = { family: "ipv6", gateway: "fe80::1%eth0", localAddress: "2400:db80:77::11" } as const;
const TARGET = { address: "192.168.1.1", port: 5000, path: "/root.xml" };
const ROUTERS = ["192.168.1.1", "fe80::1%eth0"];

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
/** Shorter than a real one, so that changes hit what is read. */
const SHORT_DESCRIPTION = "<root><device><friendlyName>R</friendlyName><serviceList><service><serviceType>" +
  "urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/c</controlURL></service></serviceList>" +
  "</device></root>";

/** One decoder: what it reads in a good answer, changed; true where it could read it. */
const DECODERS: readonly { readonly good: Uint8Array; readonly read: (bytes: Uint8Array) => boolean }[] = [
  {
    good: bytesOf(`HTTP/1.1 200 OK\r\nST: ${SEARCH_TARGETS[1]}\r\nLOCATION: http://192.168.1.1:5000/r.xml\r\n\r\n`),
    read(bytes) {
      const answer = readSearchAnswer(bytes);
      const target = answer && readLocation(answer.location, HOME);
      assert.ok(target === undefined || target.address === "192.168.1.1");
      return target !== undefined;
    },
  },
  {
    good: bytesOf("http://[fe80::1%25eth0]:5000/r.xml?a=b"),
    read(bytes) {
      const targets = [readLocation(textOf(bytes), HOME6), resolveOnRouter(textOf(bytes), TARGET, HOME)];
      for (const target of targets) {
        if (target === undefined) continue;
        assert.ok(ROUTERS.includes(target.address) || target.address.startsWith("2400:db80:77:"), target.address);
        assert.ok(target.port >= 0 && target.port <= 65535 && /^\/[\x21-\x7e]*$/.test(target.path), target.path);
      }
      return targets[0] !== undefined;
    },
  },
  ...["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "\r\nhello"].map((
    rest,
  ) => ({
    good: bytesOf(`HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n${rest}`),
    read(bytes: Uint8Array) {
      const reader = new HttpResponseReader(), half = bytes.length >> 1;
      if (!reader.push(bytes.subarray(0, half))) reader.push(bytes.subarray(half));
      const { status, body } = reader.response();
      assert.ok(Number.isInteger(status) && status >= 200 && status <= 999 && body.length <= LARGEST_BODY);
      return true;
    },
  })),
  {
    good: bytesOf(SHORT_DESCRIPTION),
    read(bytes) {
      const { name, services } = readDescription(textOf(bytes), TARGET, HOME);
      // deno-lint-ignore no-control-regex -- it is about control characters
      assert.ok(name === null || name.length <= 64 && !/[\x00-\x1f]/.test(name));
      for (const { control } of services) assert.equal(control.address, "192.168.1.1");
      return services.length > 0;
    },
  },
  ...[{ NewExternalIPAddress: "11.22.33.44" }, 718].map((answer) => ({
    good: bytesOf(encodeAnswer("Get", answer)[1]!),
    read(bytes: Uint8Array) {
      const read = decodeAnswer(typeof answer === "number" ? 500 : 200, textOf(bytes), "Get");
      if ("code" in read) assert.ok(Number.isInteger(read.code) && read.code <= 99_999 && read.text.length <= 100);
      else for (const value of read.values()) assert.ok(value.length <= 1024);
      return true;
    },
  })),
];

Deno.test("reading is total on 100,000 answers that are almost right: it reads them or says why not", () => {
  const random = new Random(1900), each = Math.ceil(100_000 / DECODERS.length);
  for (const [i, { good, read }] of DECODERS.entries()) {
    assert.equal(read(good), true, `decoder ${i} reads what is right`);
    let wasRead = 0;
    for (let times = 0; times < each; times++) {
      try {
        wasRead += Number(read(mutate(good, random)));
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        assert.equal(error.fault, "failed");
        assert.ok(error.message.length < 300, error.message);
      }
    }
    assert.ok(wasRead > each / 100 && wasRead < each, `decoder ${i} has read ${wasRead} of ${each}`);
  }
});

Deno.test("reading is total on random bytes", () => {
  const random = new Random(5000);
  for (let times = 0; times < 2000; times++) {
    const bytes = random.bytes(random.below(400));
    for (const { read } of DECODERS) {
      try {
        read(bytes);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
      }
    }
  }
});
