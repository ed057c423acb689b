/** What a YAML file of a person, or of somebody who means ill, may hold. */
import assert from "node:assert/strict";
import { readDocument } from "../src/cli/commands/import.ts";
import { parseProjectFile } from "../src/project/project_file.ts";
import { parseYaml, parseYamlMap } from "../src/yaml_document.ts";

/** Each line stands for ten of the line above: nine lines are a billion values. */
const BOMB = ["a: &a [x, x, x, x, x, x, x, x, x, x]"].concat(
  [..."bcdefghi"].map((name, i) => `${name}: &${name} [${Array(10).fill(`*${"abcdefgh"[i]}`).join(", ")}]`),
).join("\n");

const READERS = { parseYaml, parseYamlMap, parseProjectFile, readDocument };

for (const [name, read] of Object.entries(READERS)) {
  Deno.test(`${name}() refuses aliases, which may stand for gigabytes, with line and column`, () => {
    assert.throws(() => read(BOMB, "leases.yaml"), {
      name: "PortdError",
      code: "invalid_request",
      message: "Cannot read leases.yaml:2:8: holds the alias *a; write the value out",
    });
  });

  Deno.test(`${name}() refuses what is nested without an end, and keys within keys`, () => {
    for (const text of ["[".repeat(5000), "{a: ".repeat(5000), "- ".repeat(5000)]) {
      assert.throws(() => read(text, "f.yaml"), { name: "PortdError", message: /^Cannot read f\.yaml:\d+:\d+: / });
    }
    for (const text of ["? ".repeat(200), "? [a, b]\n: 1", "{ { a: 1 }: 2 }"]) {
      assert.throws(() => read(text, "f.yaml"), /f\.yaml:1:\d+: has a key that is no text$/);
    }
  });
}

Deno.test("readDocument() reads JSON and YAML, and more JSON than YAML", () => {
  const document = { version: 1, leases: [], names: { "shop/web": 20417 } };
  assert.deepEqual(readDocument(JSON.stringify(document), "x.json"), document);
  assert.deepEqual(readDocument("version: 1\nleases: []\nnames: { shop/web: 20417 }\n", "x.yaml"), document);
  const padding = " ".repeat(17 << 20);
  assert.deepEqual(readDocument(`${padding}${JSON.stringify(document)}`, "x.json"), document);
  assert.throws(() => readDocument(`version: 1 #${padding}`, "x.yaml"), /it is YAML of more than 16777216 characters/);
});
