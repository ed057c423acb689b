import assert from "node:assert/strict";
import type { ReachReport, ReachRequest } from "../../src/reach/reach.ts";
import { appTest, TOKEN } from "../support/app.ts";

const NONCE = "00112233445566778899aabbccddeeff";
const REPORT: ReachReport = {
  port: 20417,
  protocol: "tcp",
  family: "ipv4",
  from: "lan",
  layers: [{ layer: "listener", result: "fail", reason: "nobody listens on 20417/tcp", next: "start the server" }],
  verdict: "closed",
  broken: "listener",
  external: { address: "192.168.1.10", port: 20417 },
};
const asked: (readonly [number, ReachRequest])[] = [];
const reach = {
  check(port: number, request: ReachRequest) {
    asked.push([port, request]);
    return Promise.resolve(REPORT);
  },
};

appTest("POST /ports/{port}/check answers with the layers, without the token where it only looks", async (app) => {
  const { status, body } = await app.call("/v1/ports/20417/check", { body: { protocol: "udp", from: "internet" } });
  assert.deepEqual([status, body, asked.pop()], [200, REPORT, [20417, { protocol: "udp", from: "internet" }]]);
  assert.equal((await app.call("/v1/ports/20417/check", { body: {} })).status, 200);
}, { replaced: { reach } });

appTest("POST /ports/{port}/check takes the token for what listens, or asks the router", async (app) => {
  for (const body of [{ asks: true }, { listen: true }, { nonce: NONCE }]) {
    asked.length = 0;
    const refused = await app.call("/v1/ports/20417/check", { body });
    assert.deepEqual([refused.status, refused.body.code, asked], [403, "scope_required", []]);
    assert.equal((await app.call("/v1/ports/20417/check", { body, token: TOKEN })).status, 200);
    assert.deepEqual(asked, [[20417, body]]);
  }
}, { replaced: { reach } });

appTest("POST /ports/{port}/check refuses what it does not know", async (app) => {
  asked.length = 0;
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["/v1/ports/0/check", {}, "port_out_of_range"],
    ["/v1/ports/65536/check", {}, "port_out_of_range"],
    ["/v1/ports/web/check", {}, "invalid_request"],
    ["/v1/ports/20417/check", { protocol: "sctp" }, "invalid_request"],
    ["/v1/ports/20417/check", { via: "http://198.51.100.1" }, "invalid_request"],
    ["/v1/ports/20417/check", { nonce: "00" }, "invalid_request"],
    ["/v1/ports/20417/check", { nonce: NONCE, listen: true }, "invalid_request"],
    ["/v1/ports/20417/check", { asks: "yes" }, "invalid_request"],
  ];
  for (const [path, body, code] of cases) {
    assert.equal((await app.call(path, { body, token: TOKEN })).body.code, code, JSON.stringify(body));
  }
  assert.deepEqual(asked, []);
}, { replaced: { reach } });
