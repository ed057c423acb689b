/** What a report of the self-test must not name. */
import assert from "node:assert/strict";
import { identityOf, redactor } from "../../src/self_test/redact.ts";

Deno.test("a report names neither home folder, user, host nor account, however deep they stand", () => {
  const redact = redactor({ home: "C:\\Users\\Aoi", user: "Aoi", host: "AOI-PC" });
  assert.deepEqual(
    redact({
      reason: "cannot open c:\\users\\aoi\\x",
      list: ["Aoi on aoi-pc", 3, null, true],
      sddl: "D:(A;;FA;;;S-1-5-21-1-2-3-1001)",
    }),
    { reason: "cannot open <home>\\x", list: ["<user> on <host>", 3, null, true], sddl: "D:(A;;FA;;;<account>)" },
  );
  assert.equal(redact("C:/Users/Aoi/x"), "<home>/x");
  assert.equal(redact("the aoiro rule of S-1-5-18"), "the aoiro rule of S-1-5-18");
});

Deno.test("names too short to be found by themselves are left, and a missing one hides nothing", () => {
  assert.equal(redactor({ home: "/", user: "a", host: undefined })("a/b"), "a/b");
});

Deno.test("the identity comes from the environment of each system", () => {
  assert.deepEqual(identityOf({ HOME: "/home/me", USER: "me" }, "box"), { home: "/home/me", user: "me", host: "box" });
  assert.deepEqual(identityOf({ USERPROFILE: "C:\\Users\\me", USERNAME: "me" }, undefined), {
    home: "C:\\Users\\me",
    user: "me",
    host: undefined,
  });
});
