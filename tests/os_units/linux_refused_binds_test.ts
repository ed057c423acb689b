/** Refused binds, as this machine's kernel reports them. */
import assert from "node:assert/strict";
import { LinuxHolds } from "../../src/hold/linux/holds.ts";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import { RefusedBinds } from "../../src/os/linux/refused_binds.ts";
import { linuxTest } from "../support/linux_only.ts";
import { freePort } from "../support/sockets.ts";

linuxTest("a refused bind is found while the port is held, and not without one", () => {
  const linux = openLinuxParts();
  const ours = new LinuxHolds(linux), theirs = new LinuxHolds(linux), port = freePort();
  assert.equal(ours.claim(port, { protocols: ["tcp"], hold: "soft" }).obstacle, undefined);
  using binds = RefusedBinds.open(linux.libc)!;
  assert.equal(theirs.claim(port, { protocols: ["tcp"], hold: "soft" }).obstacle?.reason, "in_use");
  assert.equal(binds.findRefusal([port])?.held, port);
  using later = RefusedBinds.open(linux.libc)!;
  assert.equal(theirs.claim(port, { protocols: ["tcp"], hold: "soft" }).obstacle?.reason, "in_use");
  ours.releaseAll();
  assert.equal(later.findRefusal([port])?.held, undefined, "the port is free by now");
});

linuxTest("after their end there are no reports of refused binds", () => {
  const binds = RefusedBinds.open(openLinuxParts().libc)!;
  binds[Symbol.dispose]();
  binds[Symbol.dispose]();
  assert.equal(binds.findRefusal([1]), undefined);
});
