/** Who publishes: what is not set is not made up, and does not get out. */
import assert from "node:assert/strict";
import {
  downloadAddress,
  missingSettings,
  parseSettings,
  PLACEHOLDERS,
  readSettings,
  refusePlaceholders,
} from "../../packaging/settings.ts";
import { temporaryFolder } from "../support/folder.ts";
import { SETTINGS } from "../support/packaging.ts";

const NAMES = Object.keys(PLACEHOLDERS);

Deno.test("without a file every setting is a placeholder, and a release is refused", async () => {
  await using folder = await temporaryFolder();
  const settings = readSettings(`${folder.path}/none.json`, { isOptional: true });
  assert.deepEqual(missingSettings(settings), NAMES);
  assert.throws(
    () => refusePlaceholders(settings, "settings.json"),
    /^Error: Cannot make a release: settings\.json does not set publisher, .*, wingetId; docs\/development\.md says /,
  );
  assert.throws(() => readSettings(`${folder.path}/none.json`), Deno.errors.NotFound);
});

Deno.test("a release needs every setting", () => {
  refusePlaceholders(parseSettings(JSON.stringify(SETTINGS), "s"), "s");
  for (const name of NAMES) {
    const { [name]: _left, ...others } = SETTINGS as unknown as Record<string, string>;
    assert.deepEqual(missingSettings(parseSettings(JSON.stringify(others), "s")), [name]);
  }
});

Deno.test("an address that leads nowhere counts as not set", () => {
  assert.deepEqual(missingSettings({ ...SETTINGS, homepage: "https://mine.invalid/" }), ["homepage"]);
});

Deno.test("what would mean something in a manifest, a script or a header is refused", () => {
  const refused: readonly (readonly [string, unknown])[] = [
    ["publisher", 'a"b'],
    ["publisher", "a\nDepends: b"],
    ["publisher", "a\\b"],
    ["publisher", ""],
    ["publisher", "x".repeat(257)],
    ["publisher", 7],
    ["maintainer", "A Name"],
    ["maintainer", "A <a@b>\nX: y"],
    ["homepage", "http://example.org/"],
    ["homepage", "https://example.org/#{x}"],
    ["repository", 'https://example.org/"'],
    ["downloads", "https://example.org/portd"],
    ["licence", "MIT; rm"],
    ["wingetId", "portd"],
    ["wingetId", "../portd"],
  ];
  for (const [name, value] of refused) {
    const text = JSON.stringify({ ...SETTINGS, [name]: value });
    assert.throws(() => parseSettings(text, "s"), new RegExp(`Cannot use s: ${name} must be `), JSON.stringify(value));
  }
});

Deno.test("a setting that does not exist, and what is no object, is refused", () => {
  assert.throws(() => parseSettings('{"license":"MIT"}', "s"), /there is no setting "license"/);
  assert.throws(() => parseSettings('{"__proto__":"x"}', "s"), /there is no setting "__proto__"/);
  for (const text of ["[]", "null", "7"]) assert.throws(() => parseSettings(text, "s"), /must hold one object/);
  assert.throws(() => parseSettings("{", "s"), /^Error: Cannot read s: /);
});

Deno.test("a file is downloaded from the folder of its version", () => {
  assert.equal(downloadAddress(SETTINGS, "1.2.3", "portd-x"), "https://example.org/portd/1.2.3/portd-x");
});
