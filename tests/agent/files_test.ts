/** What portd writes into files that belong to others: its part alone, and out again. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AGENT_FILES } from "../../src/agent/agent_files.ts";
import { UnreadableJsonError, withEntries, withoutEntries } from "../../src/agent/json_file.ts";
import { withBlock, withoutBlock } from "../../src/agent/marked_block.ts";

const MARKS = { begin: "<!-- begin -->", end: "<!-- end -->" };
const ENTRY = { path: ["servers"], key: "portd", value: { command: "portd" } } as const;
const ELEMENT = {
  path: ["hooks", "Stop"],
  element: { run: "ours" },
  isOurs: (one: unknown) => JSON.stringify(one).includes("ours"),
};

Deno.test("an entry is put beside what stands there, in the file's own form", () => {
  const text = '{\n\t"servers": {\n\t\t"other": {}\n\t},\n\t"x": [1]\n}';
  const added = withEntries(text, [ENTRY]);
  assert.equal(
    added,
    '{\n\t"servers": {\n\t\t"other": {},\n\t\t"portd": {\n\t\t\t"command": "portd"\n\t\t}\n\t},\n\t"x": [\n\t\t1\n\t]\n}',
  );
  assert.equal(withEntries(added, [ENTRY]), added);
  assert.deepEqual(JSON.parse(withoutEntries(added, [ENTRY])!), JSON.parse(text));
});

Deno.test("an element of a list is there once, also where an older one of ours stood", () => {
  const added = withEntries('{"hooks": {"Stop": [{"run": "theirs"}, {"run": "ours", "old": true}]}}', [ELEMENT]);
  assert.deepEqual(JSON.parse(added), { hooks: { Stop: [{ run: "theirs" }, { run: "ours" }] } });
  assert.equal(withEntries(added, [ELEMENT]), added);
  assert.deepEqual(JSON.parse(withoutEntries(added, [ELEMENT])!), { hooks: { Stop: [{ run: "theirs" }] } });
});

Deno.test("a file that was made for the entries alone is gone with them", () => {
  assert.equal(withoutEntries(withEntries(undefined, [ENTRY, ELEMENT]), [ENTRY, ELEMENT]), undefined);
  assert.equal(withoutEntries("{}", [ENTRY]), "{}");
});

Deno.test("what is no plain JSON, or has another form, is left alone", () => {
  for (const text of ["// a comment\n{}", "[]", "3", '{"servers": []}', '{"hooks": {"Stop": {}}}', "{"]) {
    assert.throws(() => withEntries(text, [ENTRY, ELEMENT]), UnreadableJsonError, text);
  }
});

Deno.test("any JSON object keeps what stood in it", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
    if ("servers" in value || "hooks" in value || "__proto__" in value) return;
    const text = JSON.stringify(value), added = withEntries(text, [ENTRY, ELEMENT]);
    assert.deepEqual(JSON.parse(withoutEntries(added, [ENTRY, ELEMENT]) ?? "{}"), JSON.parse(text));
  }));
});

Deno.test("a block is put at the end once, replaced in its place, and taken out without a trace", () => {
  const text = "# Title\n\ntext\n", added = withBlock(text, MARKS, "ours");
  assert.equal(added, "# Title\n\ntext\n\n<!-- begin -->\nours\n<!-- end -->\n");
  assert.equal(withBlock(added, MARKS, "ours"), added);
  assert.equal(withBlock(`${added}more\n`, MARKS, "new"), `${added.replace("ours", "new")}more\n`);
  assert.equal(withoutBlock(added, MARKS), text);
  assert.equal(withoutBlock(withBlock(undefined, MARKS, "ours"), MARKS), undefined);
  assert.equal(withoutBlock(text, MARKS), text);
});

Deno.test("each file of an agent is stable, and empty again without portd", () => {
  for (const { path, add, remove } of AGENT_FILES) {
    const text = add(undefined);
    assert.equal(add(text), text, path);
    assert.match(text, /portd/, path);
    assert.equal(remove(text), undefined, path);
  }
});
