/** The default state folder of each OS. */
import assert from "node:assert/strict";
import { defaultStateDir, serviceStateDir } from "../../src/state/state_dir.ts";

Deno.test("Linux keeps state where XDG_STATE_HOME says, root in /var/lib", () => {
  assert.equal(defaultStateDir("linux", { XDG_STATE_HOME: "/s", HOME: "/home/ada" }, false), "/s/portd");
  assert.equal(defaultStateDir("linux", { HOME: "/home/ada" }, false), "/home/ada/.local/state/portd");
  assert.equal(defaultStateDir("linux", { XDG_STATE_HOME: "relative", HOME: "/h" }, false), "/h/.local/state/portd");
  assert.equal(defaultStateDir("linux", {}, true), "/var/lib/portd");
  assert.equal(defaultStateDir("linux", { XDG_STATE_HOME: "/s" }, true), "/s/portd");
});

Deno.test("macOS and Windows keep state where their applications do", () => {
  assert.equal(
    defaultStateDir("darwin", { HOME: "/Users/ada" }, false),
    "/Users/ada/Library/Application Support/portd",
  );
  assert.equal(defaultStateDir("windows", { LOCALAPPDATA: "C:\\L" }, false), "C:\\L\\portd");
  assert.equal(defaultStateDir("windows", { USERPROFILE: "C:\\U" }, false), "C:\\U\\AppData\\Local\\portd");
});

Deno.test("without a home the way out is named", () => {
  assert.throws(() => defaultStateDir("linux", {}, false), /HOME is not set; set PORTD_STATE_DIR/);
});

Deno.test("the service of the system keeps its state where no user's environment says", () => {
  const env = { XDG_STATE_HOME: "/s", HOME: "/home/ada", LOCALAPPDATA: "C:\\L" };
  assert.equal(serviceStateDir("linux", env), "/var/lib/portd");
  assert.equal(serviceStateDir("darwin", env), "/Library/Application Support/portd");
  assert.equal(serviceStateDir("windows", { ...env, ProgramData: "C:\\P" }), "C:\\P\\portd");
  assert.equal(serviceStateDir("windows", { ...env, PROGRAMDATA: "C:\\P" }), "C:\\P\\portd");
  assert.throws(() => serviceStateDir("windows", env), /ProgramData is not set; pass --state-dir/);
});
