import assert from "node:assert/strict";
import { darwinInheritance, linuxInheritance, withoutInherited } from "../../src/os/inherited.ts";
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
    assert.equal(withoutInherited(linuxInheritance(libc), hasIt), false);
    assert.ok(hasIt());
    assert.throws(() => withoutInherited(linuxInheritance(libc), () => assert.fail()));
    assert.ok(hasIt(), "also after a failure");
  } finally {
    libc.close(descriptor);
  }
});

Deno.test("on macOS descriptors that are inherited are closed in the program that is started, and no others", () => {
  const FIOCLEX = 0x20006601n, FIONCLEX = 0x20006602n;
  const flags = new Map([[3, 0], [4, 1], [9, 0]]); // FD_CLOEXEC is 1
  const inheritance = darwinInheritance({
    fcntl: (descriptor) => flags.get(descriptor) ?? -1,
    ioctl(descriptor, request) {
      assert.ok(request === FIOCLEX || request === FIONCLEX);
      flags.set(descriptor, request === FIOCLEX ? 1 : 0);
      return 0;
    },
  });
  const meanwhile = withoutInherited(inheritance, () => [...flags.values()]);
  assert.deepEqual([meanwhile, [...flags.values()]], [[1, 1, 1], [0, 1, 0]]);
});
