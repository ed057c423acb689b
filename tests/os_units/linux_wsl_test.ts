/**
 * The files are those of real machines, shortened: names of kernels, mounts and network devices as users have reported
 * them. The counters of the devices decide nothing.
 */
import assert from "node:assert/strict";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import { readThisWsl, readWsl } from "../../src/os/linux/wsl.ts";
import { linuxTest } from "../support/linux_only.ts";
import { procOf } from "../support/proc.ts";

const MACHINES = {
  wsl1: { version: 1, networking: "shared" },
  wsl2_first: { version: 2, networking: "nat" },
  wsl2_nat: { version: 2, networking: "nat" },
  wsl2_mirrored: { version: 2, networking: "mirrored" },
  wsl2_container: undefined,
  debian: undefined,
} as const;

for (const [machine, expected] of Object.entries(MACHINES)) {
  Deno.test(`readWsl() knows ${machine} by its files in /proc`, () => {
    assert.deepEqual(readWsl(procOf(`wsl/${machine}`)), expected);
  });
}

Deno.test("readWsl() knows a distribution of WSL 2 by interop too, and no other kernel of Microsoft's cloud", () => {
  const machine = (files: Readonly<Record<string, string>>) =>
    readWsl({ read: (path) => Object.hasOwn(files, path) ? files[path] : undefined });
  const release = "/proc/sys/kernel/osrelease", kernel = { [release]: "6.1.0-custom-WSL2\n" };
  const interop = (name: string) => ({ [`/proc/sys/fs/binfmt_misc/${name}`]: "enabled\ninterpreter /init\n" });
  for (const name of ["WSLInterop", "WSLInterop-late"]) {
    assert.deepEqual(machine({ ...kernel, ...interop(name) }), { version: 2, networking: "nat" });
  }
  assert.equal(machine(kernel), undefined);
  const mounts = { "/proc/self/mounts": "rootfs /init rootfs ro 0 0\n" };
  assert.equal(machine({ [release]: "6.8.0-1030-azure\n", ...mounts }), undefined);
  assert.equal(machine({}), undefined);
});

linuxTest("readThisWsl() reads this machine's /proc", () => {
  assert.deepEqual(readThisWsl(), readWsl(openLinuxParts().procfs));
});
