/** `portd openapi`. */
import assert from "node:assert/strict";
import { portd } from "../support/cli.ts";
import { COPY } from "../support/openapi/generate.ts";

Deno.test("portd openapi prints the document, without a daemon", async () => {
  const { code, stdout, stderr } = await portd(["openapi", "--no-start"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.ok(stdout === await Deno.readTextFile(COPY), "it is not docs/openapi.json");
});

Deno.test("portd openapi takes no argument", async () => {
  assert.equal((await portd(["openapi", "yaml"])).code, 2);
});

Deno.test("portd openapi --json takes the members of the document", async () => {
  const document = JSON.parse(await Deno.readTextFile(COPY));
  const { stdout } = await portd(["openapi", "--json", Object.keys(document).join()]);
  assert.deepEqual(JSON.parse(stdout), document);
  assert.deepEqual(JSON.parse((await portd(["openapi", "--json", "info"])).stdout), { info: document.info });
});
