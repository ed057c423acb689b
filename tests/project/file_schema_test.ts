/** The JSON Schema of portd.yaml says what project_file.ts reads. */
import assert from "node:assert/strict";
import { PROJECT_FILE_SCHEMA } from "../../src/project/file_schema.ts";
import { FIELDS, TOP_KEYS } from "../../src/project/project_file.ts";

const DOCUMENTED = new URL("../../docs/portd.schema.json", import.meta.url);

Deno.test("the schema has the keys of the file and of a service, and no others", () => {
  const { properties } = PROJECT_FILE_SCHEMA;
  assert.deepEqual(Object.keys(properties), [...TOP_KEYS]);
  assert.deepEqual(Object.keys(properties.services.additionalProperties.properties).sort(), Object.keys(FIELDS).sort());
});

Deno.test("docs/portd.schema.json is the schema", async () => {
  assert.deepEqual(JSON.parse(await Deno.readTextFile(DOCUMENTED)), JSON.parse(JSON.stringify(PROJECT_FILE_SCHEMA)));
});
