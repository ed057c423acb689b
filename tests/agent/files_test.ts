/** What portd writes into files that belong to others: its part alone, and out again. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AGENT_FILES, type AgentFile } from "../../src/agent/agent_files.ts";
import { UnreadableFileError, withEntries, withoutEntries } from "../../src/agent/json_file.ts";
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
    assert.throws(() => withEntries(text, [ENTRY, ELEMENT]), UnreadableFileError, text);
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

const FACTS = { name: "shop", devCommand: ["npm", "run", "dev"] } as const;

Deno.test("each file of an agent is stable, and empty again without portd", () => {
  for (const { path, add, remove } of AGENT_FILES) {
    const text = add(undefined, FACTS)!;
    assert.equal(add(text, FACTS), text, path);
    assert.match(text, /portd/, path);
    assert.equal(remove(text), undefined, path);
  }
});

function fileOf(path: string): AgentFile {
  return AGENT_FILES.find((file) => file.path === path)!;
}

Deno.test("Claude Code's preview runs the project's own dev command, on the port that it chooses", () => {
  const { add, remove } = fileOf(".claude/launch.json");
  const { version, configurations } = JSON.parse(add(undefined, FACTS)!);
  assert.equal(version, "0.0.1");
  assert.deepEqual(configurations, [{
    name: "portd preview",
    runtimeExecutable: "portd",
    runtimeArgs: ["run", "preview", "--port", "${PORT:-3000}", "--", "npm", "run", "dev"],
    port: 3000,
    autoPort: true,
  }]);
  assert.equal(add(undefined, { name: "shop", devCommand: undefined }), undefined, "there is nothing to be run");
  const theirs = '{\n  "version": "0.2.0",\n  "configurations": [\n    {\n      "name": "web"\n    }\n  ]\n}\n';
  const both = add(theirs, FACTS)!;
  assert.deepEqual(JSON.parse(both).configurations.map(({ name }: { name: string }) => name), ["web", "portd preview"]);
  assert.equal(remove(both), theirs);
  const pnpm = add(both, { ...FACTS, devCommand: ["pnpm", "run", "dev"] })!;
  assert.equal(JSON.parse(pnpm).configurations.length, 2, "another command takes the place of the old one");
});

Deno.test("Cursor's set-up has portd in each list that it would take", () => {
  const { add, remove } = fileOf(".cursor/worktrees.json");
  const ours = "portd agent worktree";
  assert.deepEqual(JSON.parse(add(undefined, FACTS)!), { "setup-worktree": [ours] });
  const unix = { "setup-worktree-unix": ["npm ci"] };
  const added = add(JSON.stringify(unix), FACTS)!;
  assert.deepEqual(JSON.parse(added), { "setup-worktree-unix": ["npm ci", ours], "setup-worktree": [ours] });
  assert.equal(add(added, FACTS), added);
  assert.deepEqual(JSON.parse(remove(added)!), unix);
  const each = { "setup-worktree-unix": ["a"], "setup-worktree-windows": ["b"] };
  assert.deepEqual(Object.keys(JSON.parse(add(JSON.stringify(each), FACTS)!)), Object.keys(each));
  assert.throws(() => add('{"setup-worktree": "setup.sh"}', FACTS), UnreadableFileError, "a script of their own");
});

Deno.test("Codex's environment gets a set-up script where it has none, and keeps the one that it has", () => {
  const { add, remove } = fileOf(".codex/environments/environment.toml");
  assert.equal(
    add(undefined, FACTS),
    '# portd: begin\nversion = 1\nname = "shop"\n\n[setup]\nscript = "portd agent worktree"\n# portd: end\n',
  );
  const actions = 'version = 1\nname = "x"\n\n[[actions]]\nname = "Run"\ncommand = "make"\n';
  const added = add(actions, FACTS)!;
  assert.equal(added, `${actions}\n# portd: begin\n[setup]\nscript = "portd agent worktree"\n# portd: end\n`);
  assert.deepEqual([add(added, FACTS), remove(added)], [added, actions]);
  for (const setup of ['[setup]\nscript = ""', "[ setup ]", "[setup.linux]", 'setup.script = "x"', "setup = {}"]) {
    assert.throws(() => add(`${actions}${setup}\n`, FACTS), UnreadableFileError, setup);
  }
  const own = `${actions}[setup]\nscript = '''\nnpm ci\nportd agent worktree\n'''\n`;
  assert.deepEqual([add(own, FACTS), remove(own)], [own, own], "who has entered it by hand keeps it");
});
