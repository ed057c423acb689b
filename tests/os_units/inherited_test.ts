import assert from "node:assert/strict";
import { withoutInherited } from "../../src/os/linux/inherited.ts";
import { openLibc } from "../../src/os/linux/libc.ts";
import { linuxTest } from "../support/linux_only.ts";

linuxTest("a program that is started without what is inherited has its streams alone, and later ones have it", () => {
  const libc = openLibc(), descriptor = libc.open(new TextEncoder().encode("/dev/null\0"), 0);
  const hasIt = () => {
    const args = ["-c", `test -e /proc/self/fd/${descriptor} && echo has`];
    return new TextDecoder().decode(new Deno.Command("sh", { args }).outputSync().stdout) === "has\n";
  };
  try {
    assert.ok(hasIt(), "a shell that starts portd leaves such ones open");
    assert.equal(withoutInherited(libc, hasIt), false);
    assert.ok(hasIt());
    assert.throws(() => withoutInherited(libc, () => assert.fail()));
    assert.ok(hasIt(), "also after a failure");
  } finally {
    libc.close(descriptor);
  }
});
