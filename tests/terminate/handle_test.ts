/** Handles of processes: one suite for every way of ending one, against real children of this process. */
import assert from "node:assert/strict";
import { ENOSYS, type Libc } from "../../src/os/linux/libc.ts";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import { openProcesses } from "../../src/process/open.ts";
import type { Processes, ProcessIdentity } from "../../src/process/process.ts";
import { openGenericProcessHandle } from "../../src/terminate/generic.ts";
import type { ProcessHandle } from "../../src/terminate/handle.ts";
import { openLinuxProcessHandle } from "../../src/terminate/linux.ts";
import { openProcessHandle } from "../../src/terminate/open.ts";
import { linuxTest, openLinuxProcesses } from "../support/linux_only.ts";
import { Child } from "../support/processes.ts";
import { listen } from "../support/sockets.ts";

const ignore = Deno.build.os !== "linux";
/** Elsewhere a process is not known again by its start time. */
const knowsStartTimes = Deno.build.os === "linux" || Deno.build.os === "windows";
/** Windows knows no asking. */
const ASKED = Deno.build.os === "windows" ? "KILL" : "TERM";

type Open = (identity: ProcessIdentity) => ProcessHandle | undefined;

const WAYS: Readonly<Record<string, () => Open>> = {
  "the handle of this system": () => openProcessHandle,
  "a Linux handle": () => {
    const linux = openLinuxParts();
    return (identity) => openLinuxProcessHandle(identity, linux);
  },
  "a Linux handle where the kernel has none": () => {
    const { libc, procfs } = openLinuxParts();
    return (identity) => openLinuxProcessHandle(identity, { libc: withoutPidfd(libc, ENOSYS), procfs });
  },
  "a generic handle": () => {
    const processes = openLinuxProcesses();
    return (identity) => openGenericProcessHandle(identity, { processes });
  },
};

function processesHere(): Processes {
  return openProcesses(Deno.build.os === "linux" ? openLinuxParts().procfs : undefined);
}

/** A C library of which `pidfd_open` fails. */
function withoutPidfd(libc: Libc, error: number): Libc {
  const failure = new Int32Array([error]);
  return { ...libc, pidfdOpen: () => -1n, __errno_location: () => Deno.UnsafePointer.of(failure) };
}

const IGNORE_TERM = `Deno.addSignalListener("SIGTERM", () => console.log("no"))`;

/** A child that has run some code and waits to be ended. */
async function startChild(code?: string): Promise<Child & { readonly identity: ProcessIdentity }> {
  const child = await Child.start(code);
  return Object.assign(child, { identity: processesHere().find(child.pid)! });
}

/** What ended it; on Windows that is its exit code. */
async function endingOf({ status }: Child): Promise<Deno.Signal | number> {
  const { signal, code } = await status;
  return signal ?? code;
}

for (const [way, make] of Object.entries(WAYS)) {
  const test = (name: string, run: (open: Open) => Promise<void>) =>
    Deno.test({
      name: `${way} ${name}`,
      ignore: way === "the handle of this system" ? !knowsStartTimes : ignore,
      fn: () => run(make()),
    });

  test("asks a process to end", async (open) => {
    await using child = await startChild();
    const handle = open(child.identity)!;
    assert.equal(handle.pid, child.identity.pid);
    assert.equal(handle.hasEnded(), false);
    assert.equal(handle.terminate(), ASKED);
    assert.equal(await endingOf(child), ASKED === "TERM" ? "SIGTERM" : 1);
    assert.equal(handle.hasEnded(), true);
    handle.close();
  });

  test("ends a process that does not want to", async (open) => {
    await using child = await startChild(ASKED === "TERM" ? IGNORE_TERM : "");
    const handle = open(child.identity)!;
    if (ASKED === "TERM") handle.terminate();
    assert.equal(handle.hasEnded(), false);
    handle.kill();
    assert.equal(await endingOf(child), ASKED === "TERM" ? "SIGKILL" : 1);
    assert.equal(handle.hasEnded(), true);
    handle.close();
  });

  test("signals nobody once its process has ended", async (open) => {
    await using child = await startChild();
    const handle = open(child.identity)!;
    handle.kill();
    await child.status;
    handle.terminate();
    handle.kill();
    assert.equal(handle.hasEnded(), true);
    handle.close();
  });

  test("is not to be had for a process that is gone, or of another start time or boot", async (open) => {
    await using child = await startChild();
    const { identity } = child;
    assert.equal(open({ ...identity, startTime: String(BigInt(identity.startTime) + 1n) }), undefined);
    assert.equal(open({ ...identity, startTime: "" }), undefined);
    assert.equal(open({ ...identity, bootId: "the boot before" }), undefined);
    assert.ok(await child.endsWell());
    assert.equal(open(identity), undefined);
  });

  test("says what its process is while it runs", async (open) => {
    await using child = await startChild();
    const handle = open(child.identity)!;
    const { command, cwd, user } = processesHere().find(child.identity.pid)!;
    const described = handle.describe()!;
    assert.deepEqual([described.command, described.cwd, described.user], [command, cwd, user]);
    assert.match(described.command!, /deno/);
    handle.kill();
    await child.status;
    assert.equal(handle.describe(), undefined);
    handle.close();
  });

  test("looks for nothing but a port of TCP or UDP", async (open) => {
    const handle = open(processesHere().find(Deno.pid)!)!;
    for (const protocol of ["../self/environ", "tcp/../udp", "raw", "", "TCP", undefined, 6]) {
      const endpoint = { protocol: protocol as "tcp", port: 80 };
      await assert.rejects(() => handle.listensOn(endpoint), { name: "TypeError", message: /it must be tcp or udp$/ });
    }
    for (const port of [0, -1, 65536, 1.5, NaN, "80"]) {
      const endpoint = { protocol: "tcp", port: port as number } as const;
      const refusal = { name: "TypeError", message: /it must be a port from 1 to 65535$/ };
      await assert.rejects(() => handle.listensOn(endpoint), refusal);
    }
    handle.close();
  });
}

for (const pid of [0, -1, -2, 1.5, NaN]) {
  Deno.test(`openProcessHandle() knows no process ${pid}`, () => {
    assert.equal(openProcessHandle({ pid, startTime: "1", bootId: "b" }), undefined);
  });
}

for (const way of ["the handle of this system", "a Linux handle where the kernel has none"]) {
  Deno.test(`${way} sees where its process listens, and that a client does not`, {
    ignore: way === "the handle of this system" ? !knowsStartTimes : ignore,
  }, async () => {
    await using child = await startChild();
    using server = listen();
    using client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    using _accepted = await server.listener.accept();
    const open = WAYS[way]!();
    const own = open(processesHere().find(Deno.pid)!)!;
    assert.equal(await own.listensOn({ protocol: "tcp", port: server.port }), true);
    assert.equal(await own.listensOn({ protocol: "udp", port: server.port }), false);
    assert.equal(await own.listensOn({ protocol: "tcp", port: (client.localAddr as Deno.NetAddr).port }), false);
    own.close();
    const other = open(child.identity)!;
    assert.equal(await other.listensOn({ protocol: "tcp", port: server.port }), false);
    other.close();
  });
}

linuxTest("a Linux handle closes its descriptor", async () => {
  await using child = await startChild();
  const { procfs } = openLinuxParts();
  // Those of this child alone: other tests run in this process at the same time.
  const line = new RegExp(`^Pid:\\s+${child.identity.pid}$`, "m");
  const pinned = () =>
    procfs.list("/proc/self/fd")!.filter((name) => line.test(procfs.read(`/proc/self/fdinfo/${name}`) ?? "")).length;
  const before = pinned();
  const handle = openProcessHandle(child.identity)!;
  assert.equal(pinned(), before + 1);
  handle.close();
  assert.equal(openProcessHandle({ ...child.identity, startTime: "1" }), undefined);
  assert.equal(pinned(), before);
});
