import assert from "node:assert/strict";
import {
  CTL_KERN,
  ESRCH,
  KERN_PROC,
  KERN_PROC_ALL,
  KERN_PROC_PID,
  KERN_PROCARGS2,
  type LibSystem,
} from "../../src/os/darwin/libsystem.ts";
import { addressOf } from "../../src/os/pointer.ts";
import { DarwinProcesses } from "../../src/process/darwin/processes.ts";
import {
  KINFO_PROC_SIZE,
  parseArguments,
  parseCurrentFolder,
  parseKinfoProc,
  VNODE_PATH_SIZE,
} from "../../src/process/darwin/structures.ts";
import { KINFO_PROC, structBytes, VNODE_INFO_PATH } from "../support/darwin_structures.ts";

const SLEEPING = 3, ZOMBIE = 5;
const SERVER = {
  p_pid: 733,
  p_stat: SLEEPING,
  p_comm: "node",
  "p_starttime.tv_sec": 1_795_428_000,
  "p_starttime.tv_usec": 4207,
  "e_ucred.cr_uid": 501,
  e_ppid: 700,
  e_pgid: 733,
};

function folders(path: string): Uint8Array<ArrayBuffer> {
  const [current, root] = [
    structBytes(VNODE_INFO_PATH, { vip_path: path }),
    structBytes(VNODE_INFO_PATH, { vip_path: "/" }),
  ];
  return new Uint8Array([...current, ...root]);
}

/** What KERN_PROCARGS2 answers. */
function argumentsOf(path: string, words: readonly string[]): Uint8Array {
  const text = `${path}\0\0\0\0${words.map((word) => `${word}\0`).join("")}HOME=/Users/ada\0SECRET=x\0`;
  return new Uint8Array([words.length, 0, 0, 0, ...new TextEncoder().encode(text)]);
}

Deno.test("parseKinfoProc() reads what the headers declare", () => {
  const bytes = structBytes(KINFO_PROC, SERVER);
  assert.equal(bytes.length, KINFO_PROC_SIZE);
  assert.deepEqual(parseKinfoProc(bytes), {
    pid: 733,
    status: SLEEPING,
    parentPid: 700,
    processGroup: 733,
    uid: 501,
    startSeconds: 1_795_428_000,
    startMicroseconds: 4207,
    name: "node",
  });
  assert.equal(parseKinfoProc(bytes.subarray(0, KINFO_PROC_SIZE - 1)), undefined);
  assert.equal(parseKinfoProc(new Uint8Array()), undefined);
});

Deno.test("parseCurrentFolder() reads the first path of two", () => {
  assert.equal(folders("/").length, VNODE_PATH_SIZE);
  assert.equal(parseCurrentFolder(folders("/Users/ada/shop")), "/Users/ada/shop");
  assert.equal(parseCurrentFolder(folders("")), null);
  assert.equal(parseCurrentFolder(new Uint8Array()), null);
});

Deno.test("parseArguments() reads the arguments, and neither the padding nor the environment", () => {
  const words = ["node", "server.js", "", "--name=a b"];
  assert.deepEqual(parseArguments(argumentsOf("/usr/local/bin/node", words)), words);
  assert.deepEqual(parseArguments(argumentsOf("/bin/x", [])), []);
  assert.deepEqual(parseArguments(new Uint8Array([2, 0, 0, 0, 47, 120, 0, 0, 97, 0, 98])), ["a", "b"]); // cut off
  for (const bytes of [[], [1, 0], [1, 0, 0, 0], [9, 0, 0, 0, 47, 120], [9, 0, 0, 0, 47, 0, 0]]) {
    assert.deepEqual(parseArguments(new Uint8Array(bytes)), []);
  }
});

/** What a process is to the fake kernel; what is absent may not be seen by this user. */
interface FakeProcess {
  readonly kinfo: Uint8Array;
  readonly arguments?: Uint8Array;
  readonly cwd?: string;
  readonly path?: string;
}

const EPERM = 1, EINVAL = 22;

/** A kernel of macOS with these processes; it keeps to the contract of its manuals about sizes and errors. */
function fakeLibSystem(processes: ReadonlyMap<number, FakeProcess>, users = new Map<number, string>()) {
  const kept: Uint8Array[] = [];
  const errno = new Int32Array(1);
  const fail = (error: number, answer: number) => {
    errno[0] = error;
    return answer;
  };
  const give = (old: Uint8Array | null, size: BigUint64Array, data: Uint8Array) => {
    old?.set(data.subarray(0, old.length));
    size[0] = BigInt(old === null ? data.length : Math.min(old.length, data.length));
    return 0;
  };
  const symbols = {
    sysctl(name: Int32Array, count: number, old: Uint8Array | null, size: BigUint64Array) {
      const [top, kind, third, fourth] = [...name.subarray(0, count)];
      assert.equal(top, CTL_KERN);
      if (kind === KERN_PROC && third === KERN_PROC_PID) {
        const found = processes.get(fourth!);
        if (fourth === 666) return fail(EPERM, -1);
        return give(old, size, found?.kinfo ?? new Uint8Array());
      }
      if (kind === KERN_PROC && third === KERN_PROC_ALL) {
        const all = [...processes.values()].flatMap(({ kinfo }) => [...kinfo]);
        // The size alone has room to spare, as of the kernel that expects more processes by the next call.
        return give(old, size, new Uint8Array([...all, ...(old === null ? new Uint8Array(KINFO_PROC_SIZE) : [])]));
      }
      assert.equal(kind, KERN_PROCARGS2);
      const words = processes.get(third!)?.arguments;
      return words === undefined ? fail(EINVAL, -1) : give(old, size, words);
    },
    sysctlbyname(name: Uint8Array, old: Uint8Array, size: BigUint64Array) {
      assert.equal(new TextDecoder().decode(name), "kern.bootsessionuuid\0");
      return give(old, size, new TextEncoder().encode("5C0F2A31-0000-4000-8000-000000000001\0"));
    },
    proc_pidinfo(pid: number, flavor: number, _argument: bigint, buffer: Uint8Array, size: number) {
      assert.deepEqual([flavor, size], [9, VNODE_PATH_SIZE]);
      const cwd = processes.get(pid)?.cwd;
      if (cwd === undefined) return fail(EPERM, 0);
      buffer.set(folders(cwd));
      return size;
    },
    proc_pidpath(pid: number, buffer: Uint8Array) {
      const path = new TextEncoder().encode(processes.get(pid)?.path ?? "");
      buffer.set(path);
      return path.length;
    },
    getsid: (pid: number) => processes.has(pid) ? 600 : fail(ESRCH, -1),
    getpwuid(uid: number) {
      const name = users.get(uid);
      users.delete(uid); // to be asked once a user
      if (name === undefined) return null;
      const text = Uint8Array.from(new TextEncoder().encode(`${name}\0`));
      const entry = new Uint8Array(new BigUint64Array([addressOf(text)]).buffer); // struct passwd { char *pw_name; … }
      kept.push(text, entry);
      return Deno.UnsafePointer.of(entry);
    },
    __error: () => Deno.UnsafePointer.of(errno),
  };
  return symbols as unknown as LibSystem;
}

function oneServer(changes: Readonly<Record<string, number | string>> = {}): Map<number, FakeProcess> {
  const words = ["node", "server.js"];
  return new Map([[733, {
    kinfo: structBytes(KINFO_PROC, { ...SERVER, ...changes }),
    arguments: argumentsOf("/usr/local/bin/node", words),
    cwd: "/Users/ada/shop",
    path: "/usr/local/bin/node",
  }]]);
}

Deno.test("macOS processes are described from the answers of the kernel", () => {
  const processes = new DarwinProcesses(fakeLibSystem(oneServer()));
  assert.deepEqual(processes.find(733), {
    pid: 733,
    startTime: "1795428000.004207",
    bootId: "5C0F2A31-0000-4000-8000-000000000001",
    command: "node server.js",
    cwd: "/Users/ada/shop",
    user: "501",
    startedAt: "2026-11-23T10:00:00.000Z",
    parentPid: 700,
    processGroup: 733,
    session: 600,
  });
  for (const pid of [734, 0, -1, 1.5, NaN, 2 ** 31]) assert.equal(processes.find(pid), undefined);
});

Deno.test("a macOS process of another user runs, though only its program is known", () => {
  const kinfo = structBytes(KINFO_PROC, { ...SERVER, "e_ucred.cr_uid": 0 });
  const library = fakeLibSystem(new Map([[733, { kinfo, path: "/usr/sbin/httpd" }]]));
  const processes = new DarwinProcesses(library);
  const found = processes.find(733)!;
  assert.deepEqual([found.command, found.cwd], ["/usr/sbin/httpd", null]);
  assert.ok(processes.isAlive(found));
  const nameless = new DarwinProcesses(fakeLibSystem(new Map([[733, { kinfo }]])));
  assert.equal(nameless.find(733)?.command, "node");
});

Deno.test("the name of a macOS user is looked up once", () => {
  const processes = new DarwinProcesses(fakeLibSystem(oneServer(), new Map([[501, "ada"]])));
  assert.deepEqual([processes.find(733)?.user, processes.find(733)?.user], ["ada", "ada"]);
});

Deno.test("a macOS pid is the process that was meant only with the same start time and boot", () => {
  const table = oneServer();
  const processes = new DarwinProcesses(fakeLibSystem(table));
  const found = processes.find(733)!;
  assert.ok(processes.isAlive(found));
  assert.equal(processes.isAlive({ ...found, bootId: "the boot before" }), false);
  table.set(733, oneServer({ "p_starttime.tv_usec": 4208 }).get(733)!);
  assert.equal(processes.isAlive(found), false);
  table.delete(733);
  assert.equal(processes.isAlive(found), false);
});

Deno.test("a macOS zombie does not run, and a kernel that does not answer is no evidence of a death", () => {
  const processes = new DarwinProcesses(fakeLibSystem(oneServer({ p_stat: ZOMBIE })));
  assert.equal(processes.find(733), undefined);
  assert.throws(() => processes.find(666), /Cannot look up pid 666: errno 1$/);
  assert.throws(() => processes.isAlive({ pid: 666, startTime: "1.0", bootId: processes.bootId }), /errno 1$/);
});

Deno.test("macOS processes are listed with their places, without zombies", () => {
  const zombie = { kinfo: structBytes(KINFO_PROC, { ...SERVER, p_pid: 734, p_stat: ZOMBIE }) };
  const child = { kinfo: structBytes(KINFO_PROC, { ...SERVER, p_pid: 735, e_ppid: 733 }) };
  const processes = new DarwinProcesses(fakeLibSystem(new Map([...oneServer(), [734, zombie], [735, child]])));
  const place = { startTime: "1795428000.004207", processGroup: 733, session: 600 };
  const [server, other] = [{ ...place, pid: 733, parentPid: 700 }, { ...place, pid: 735, parentPid: 733 }];
  assert.deepEqual(processes.list(), [server, other]);
  assert.deepEqual([733, 736].map((pid) => processes.placeOf(pid)), [server, undefined]);
});
