import assert from "node:assert/strict";
import { proofOf } from "../../src/proof.ts";
import { appTest, HOST, TOKEN } from "../support/app.ts";

const NONCE = "0123456789abcdef".repeat(4);

appTest("GET /proof proves the address of the Host header, also where everything else takes the token", async (app) => {
  for (const host of [HOST, "[::1]:7678"]) {
    const headers = { host };
    const request = new Request(`http://${host}/v1/proof?nonce=${NONCE}`, { headers });
    const { proof } = await (await app.fetch(request)).json();
    assert.equal(proof, await proofOf({ token: TOKEN, address: host, nonce: NONCE }));
  }
}, { anonymous: "none" });

appTest("GET /proof proves no address that another program may have", async (app) => {
  const headers = { host: "localhost:7678" };
  const response = await app.fetch(new Request(`http://localhost:7678/v1/proof?nonce=${NONCE}`, { headers }));
  const { code, detail } = await response.json();
  assert.deepEqual([response.status, code], [421, "misdirected_host"]);
  assert.match(detail, /use 127\.0\.0\.1:7678 or \[::1\]:7678$/);
});

appTest("GET /proof takes a nonce of 64 hexadecimal digits and nothing else", async (app) => {
  for (const query of ["", "?nonce=", `?nonce=${NONCE}0`, `?nonce=${NONCE.toUpperCase()}`, `?nonce=${NONCE}&x=1`]) {
    const { status, body } = await app.call(`/v1/proof${query}`);
    assert.deepEqual([status, body.code], [400, "invalid_request"], query);
  }
});
