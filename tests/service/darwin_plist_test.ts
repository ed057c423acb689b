/** Property lists of launchd. tests/os/plist_test.ts has them read by a parser that is not ours. */
import assert from "node:assert/strict";
import { jobText, plistText, readArguments } from "../../src/service/darwin/plist.ts";
import { JOBS } from "../support/launchd_jobs.ts";

for (const [name, { definition, denoDir }] of Object.entries(JOBS)) {
  Deno.test(`jobText() writes ${name}`, async () => {
    const golden = await Deno.readTextFile(new URL(`../testdata/darwin/${name}`, import.meta.url));
    assert.equal(jobText(definition, denoDir), golden);
    assert.deepEqual(readArguments(golden), [...definition.self, "service", "run", ...definition.words]);
  });
}

Deno.test("readArguments() finds none where there are none, and none in a binary property list", () => {
  for (const text of ["", "bplist00\xd1\x01", plistText({ Label: "portd" })]) {
    assert.equal(readArguments(text), undefined);
  }
});

Deno.test("readArguments() reads what somebody else's editor has written", () => {
  const text =
    "<key>ProgramArguments</key><array>  <string>/a&#x20;b</string>\r\n<string>&quot;c&quot;</string></array>";
  assert.deepEqual(readArguments(text), ["/a b", '"c"']);
});

Deno.test("plistText() refuses what XML cannot say", () => {
  for (const text of ["a\x00b", "a\nb", "a\x1bb", "\ud800"]) {
    assert.throws(() => plistText([text]), /^Error: Cannot write a property list: /);
  }
});
