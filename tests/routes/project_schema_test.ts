import assert from "node:assert/strict";
import { PROJECT_FILE_SCHEMA } from "../../src/project/file_schema.ts";
import { openTestApp } from "../support/app.ts";

Deno.test("GET /schema/portd.json answers the schema of portd.yaml", async () => {
  await using app = await openTestApp();
  const { status, body, headers } = await app.call("/v1/schema/portd.json");
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/json");
  assert.deepEqual(body, JSON.parse(JSON.stringify(PROJECT_FILE_SCHEMA)));
  assert.equal((await app.call("/v1/schema/portd.json?x=1")).status, 400);
});
