/** Handles of processes: one suite for every way of ending one, against real children of this process. */
import assert from "node:assert/strict";
import { ENOSYS, type Libc, openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";
import { openProcesses } from "../../src/process/open.ts";
import type { Processes, ProcessIdentity } from "../../src/process/process.ts";
import { openGenericProcessHandle } from "../../src/terminate/generic.ts";
import type { ProcessHandle } from "../../src/terminate/handle.ts";
import { openLinuxProcessHandle } from "../../src/terminate/linux.ts";
import { openProcessHandle } from "../../src/terminate/open.ts";
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
    const { libc, procfs } = linuxParts();
    return (identity) => openLinuxProcessHandle(identity, { libc, procfs });
  },
  "a Linux handle where the kernel has none": () => {
    const { libc, procfs } = linuxParts();
    return (identity) => openLinuxProcessHandle(identity, { libc: withoutPidfd(libc, ENOSYS), procfs });
  },
  "a generic handle": () => {
    const { procfs } = linuxParts();
    return (identity) => openGenericProcessHandle(identity, { processes: new LinuxProcesses(procfs) });
  },
};

function processesHere(): Processes {
  return openProcesses(Deno.build.os === "linux" ? linuxParts().procfs : undefined);
}

function linuxParts() {
  const libc = openLibc();
  return { libc, procfs: new Procfs(libc) };
}

/** A C library of which `pidfd_open` fails. */
function withoutPidfd(libc: Libc, error: number): Libc {
  const failure = new Int32Array([error]);
  return { ...libc, pidfdOpen: () => -1n, __errno_location: () => Deno.UnsafePointer.of(failure) };
}

const IGNORE_TERM = `Deno.addSignalListener("SIGTERM", () => console.log("no"))`;

/** A child that waits to be ended; disposing of it ends it. */
class Child implements AsyncDisposable {
  readonly identity: ProcessIdentity;
  readonly status: Promise<Deno.CommandStatus>;
  readonly #process: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(process: Deno.ChildProcess, output: ReadableStreamDefaultReader<Uint8Array>) {
    this.#process = process;
    this.#output = output;
    this.status = process.status;
    this.identity = processesHere().find(process.pid)!;
  }

  /** Starts a child that first runs a piece of code, and waits until it has. */
  static async start(code = ""): Promise<Child> {
    const script = `${code}; console.log("ready"); await Deno.stdin.readable.pipeTo(new WritableStream())`;
    const process = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdin: "piped", stdout: "piped" })
      .spawn();
    const output = process.stdout.getReader();
    await output.read();
    return new Child(process, output);
  }

  /** What ended it; on Windows that is its exit code. */
  async ending(): Promise<Deno.Signal | number> {
    const { signal, code } = await this.status;
    return signal ?? code;
  }

  /** Whether it still does what it is for: it ends when its input does. */
  async isWell(): Promise<boolean> {
    await this.#process.stdin.close();
    return (await this.status).success;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended: the test has ended it
    }
    await this.status;
    await this.#output.cancel();
  }
}

for (const [way, make] of Object.entries(WAYS)) {
  const test = (name: string, run: (open: Open) => Promise<void>) =>
    Deno.test({
      name: `${way} ${name}`,
      ignore: way === "the handle of this system" ? !knowsStartTimes : ignore,
      fn: () => run(make()),
    });

  test("asks a process to end", async (open) => {
    await using child = await Child.start();
    const handle = open(child.identity)!;
    assert.equal(handle.pid, child.identity.pid);
    assert.equal(handle.hasEnded(), false);
    assert.equal(handle.terminate(), ASKED);
    assert.equal(await child.ending(), ASKED === "TERM" ? "SIGTERM" : 1);
    assert.equal(handle.hasEnded(), true);
    handle.close();
  });

  test("ends a process that does not want to", async (open) => {
    await using child = await Child.start(ASKED === "TERM" ? IGNORE_TERM : "");
    const handle = open(child.identity)!;
    if (ASKED === "TERM") handle.terminate();
    assert.equal(handle.hasEnded(), false);
    handle.kill();
    assert.equal(await child.ending(), ASKED === "TERM" ? "SIGKILL" : 1);
    assert.equal(handle.hasEnded(), true);
    handle.close();
  });

  test("signals nobody once its process has ended", async (open) => {
    await using child = await Child.start();
    const handle = open(child.identity)!;
    handle.kill();
    await child.status;
    handle.terminate();
    handle.kill();
    assert.equal(handle.hasEnded(), true);
    handle.close();
  });

  test("is not to be had for a process that is gone, or of another start time or boot", async (open) => {
    await using child = await Child.start();
    const { identity } = child;
    assert.equal(open({ ...identity, startTime: String(BigInt(identity.startTime) + 1n) }), undefined);
    assert.equal(open({ ...identity, startTime: "" }), undefined);
    assert.equal(open({ ...identity, bootId: "the boot before" }), undefined);
    assert.ok(await child.isWell());
    assert.equal(open(identity), undefined);
  });
}

for (const [way, make] of Object.entries(WAYS)) {
  const isIgnored = way === "the handle of this system" ? !knowsStartTimes : ignore;

  Deno.test({
    name: `${way} tells what its process is while it runs`,
    ignore: isIgnored,
    async fn() {
      await using child = await Child.start();
      const handle = make()(child.identity)!;
      const { command, cwd, user } = processesHere().find(child.identity.pid)!;
      const told = handle.describe()!;
      assert.deepEqual([told.command, told.cwd, told.user], [command, cwd, user]);
      assert.match(told.command!, /deno/);
      handle.kill();
      await child.status;
      assert.equal(handle.describe(), undefined);
      handle.close();
    },
  });

  Deno.test({
    name: `${way} looks for nothing but a port of TCP or UDP`,
    ignore: isIgnored,
    async fn() {
      const handle = make()(processesHere().find(Deno.pid)!)!;
      for (const protocol of ["../self/environ", "tcp/../udp", "raw", "", "TCP", undefined, 6]) {
        const endpoint = { protocol: protocol as "tcp", port: 80 };
        await assert.rejects(() => handle.listensOn(endpoint), {
          name: "TypeError",
          message: /it must be tcp or udp$/,
        });
      }
      for (const port of [0, -1, 65536, 1.5, NaN, "80"]) {
        const endpoint = { protocol: "tcp", port: port as number } as const;
        await assert.rejects(() => handle.listensOn(endpoint), {
          name: "TypeError",
          message: /it must be a port from 1 to 65535$/,
        });
      }
      handle.close();
    },
  });
}

for (const pid of [0, -1, -2, 1.5, NaN]) {
  Deno.test(`openProcessHandle() knows no process ${pid}`, () => {
    assert.equal(openProcessHandle({ pid, startTime: "1", bootId: "b" }), undefined);
  });
}

for (const way of ["the handle of this system", "a Linux handle where the kernel has none"]) {
  Deno.test({
    name: `${way} sees where its process listens, and that a client does not`,
    ignore: way === "the handle of this system" ? !knowsStartTimes : ignore,
    async fn() {
      await using child = await Child.start();
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
    },
  });
}

Deno.test({
  name: "a Linux handle closes its descriptor",
  ignore,
  async fn() {
    await using child = await Child.start();
    const { procfs } = linuxParts();
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
  },
});
