import assert from "node:assert/strict";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import { GenericProcesses } from "../../src/process/generic.ts";
import { parseCommandLine, parseStat, userName } from "../../src/process/linux/processes.ts";
import {
  isSameProcess,
  lineageOf,
  outlivesLeader,
  type Process,
  type Processes,
  sharesGroup,
} from "../../src/process/process.ts";
import { linuxTest, openLinuxProcesses as openLinux } from "../support/linux_only.ts";
import { FakeMachine } from "../support/machine.ts";
import { Child } from "../support/processes.ts";

const linux = Deno.build.os === "linux";

/** Processes, and a way to start one. */
interface Machine {
  readonly processes: Processes;
  start(): Promise<{ readonly pid: number; readonly end: () => unknown }>;
}

function thisMachine(processes: Processes): Machine {
  return {
    processes,
    async start() {
      const child = await Child.start();
      return { pid: child.pid, end: () => child[Symbol.asyncDispose]() };
    },
  };
}

function fakeMachine(): Machine {
  const machine = new FakeMachine();
  return {
    processes: machine.parts().processes,
    start: () => Promise.resolve({ pid: machine.start(100).pid, end: () => machine.end(100) }),
  };
}

function conformance(name: string, open: () => Machine, ignore = false) {
  Deno.test(`${name} find a process while it runs, know it again, and miss it afterwards`, { ignore }, async () => {
    const { processes, start } = open();
    const { pid, end } = await start();
    const found = processes.find(pid);
    assert.equal(found?.pid, pid);
    assert.equal(found.bootId, processes.bootId);
    assert.ok(processes.isAlive(found));
    await end();
    assert.equal(processes.find(pid), undefined);
    assert.equal(processes.isAlive(found), false);
  });
}

conformance("generic processes", () => thisMachine(new GenericProcesses()));
conformance("fake processes", fakeMachine);
conformance("Linux processes", () => thisMachine(openLinux()), !linux);

linuxTest("Linux processes list what runs, and know the place of a zombie", async () => {
  const processes = openLinux();
  const { startTime, parentPid, processGroup, session } = processes.find(Deno.pid)!;
  const own = { pid: Deno.pid, startTime, parentPid, processGroup, session };
  assert.deepEqual(processes.list().find(({ pid }) => pid === Deno.pid), own);
  // Nobody has taken note of the child's end before this turn of the event loop is over.
  const child = new Deno.Command("true").spawn();
  while (processes.find(child.pid) !== undefined);
  assert.equal(processes.placeOf(child.pid)?.parentPid, Deno.pid);
  assert.equal(processes.list().some(({ pid }) => pid === child.pid), false);
  await child.status;
  assert.equal(processes.placeOf(child.pid), undefined);
});

linuxTest("Linux processes describe this very process", () => {
  const own = openLinux().find(Deno.pid)!;
  assert.equal(own.cwd, Deno.cwd());
  assert.equal(own.parentPid, Deno.ppid);
  assert.match(own.command!, /test/);
  assert.match(own.startTime, /^\d+$/);
  assert.match(own.bootId, /^[0-9a-f-]{36}$/);
  assert.equal(own.user === null, false);
});

linuxTest("a pid with another start time or boot is not the process that was meant", () => {
  const processes = openLinux();
  const own = processes.find(Deno.pid)!;
  assert.ok(processes.isAlive(own));
  assert.equal(processes.isAlive({ ...own, startTime: "1" }), false);
  assert.equal(processes.isAlive({ ...own, bootId: "the boot before" }), false);
});

linuxTest("a child descends from this process", async () => {
  const processes = openLinux();
  await using child = await Child.start();
  const [first, parent] = lineageOf(processes, processes.find(child.pid)!);
  assert.deepEqual([first?.pid, parent?.pid], [child.pid, Deno.pid]);
  assert.ok(isSameProcess(parent!, processes.find(Deno.pid)!));
});

const LONE = { startTime: "1", bootId: "b", command: null, cwd: null, user: null, startedAt: null, parentPid: 1 };

function finderOf(...list: readonly Process[]) {
  return { find: (pid: number) => list.find((process) => process.pid === pid) };
}

Deno.test("lineageOf() goes up to the last process that is there, and ends where parents form a circle", () => {
  const top: Process = { ...LONE, pid: 10, processGroup: 10, session: 5 };
  const child: Process = { ...top, pid: 11, parentPid: 10 };
  const grandchild: Process = { ...top, pid: 12, parentPid: 11 };
  const orphan: Process = { ...top, pid: 23, parentPid: 99 };
  const [a, b] = [{ ...top, pid: 30, parentPid: 31 }, { ...top, pid: 31, parentPid: 30 }];
  const finder = finderOf(top, child, grandchild, orphan, a, b);
  const lineage = (process: Process) => lineageOf(finder, process).map(({ pid }) => pid);
  assert.deepEqual([grandchild, top, orphan, a].map(lineage), [[12, 11, 10], [10], [23], [30, 31]]);
});

Deno.test("sharesGroup() goes by process group or session, where the OS has them", () => {
  const process: Process = { ...LONE, pid: 10, processGroup: 10, session: 5 };
  const others: readonly Process[] = [
    { ...process, pid: 20, session: 6 },
    { ...process, pid: 21, processGroup: 21 },
    { ...process, pid: 22, processGroup: 22, session: 22 },
    { ...process, pid: 23, processGroup: null, session: null },
  ];
  assert.deepEqual(others.map((other) => sharesGroup(process, other)), [true, true, false, false]);
  const none: Process = { ...process, processGroup: null, session: null };
  assert.equal(sharesGroup(none, none), false);
});

Deno.test("a group or session belongs to who began it also when that process has ended, until its pid is another's", () => {
  const leader = { pid: 10, startTime: "1", bootId: "b" };
  const others: readonly Process[] = [
    { ...LONE, pid: 12, processGroup: 10, session: 10 },
    { ...LONE, pid: 13, processGroup: 13, session: 10 },
    { ...LONE, pid: 14, processGroup: 14, session: 14 },
    { ...LONE, pid: 15, processGroup: 10, session: 10, bootId: "the boot before" },
  ];
  const left = (...all: readonly Process[]) =>
    others.map((each) => outlivesLeader(finderOf(...others, ...all), each, leader));
  assert.deepEqual(left(), [true, true, false, false]);
  assert.deepEqual(left({ ...LONE, pid: 10, startTime: "2", processGroup: 10, session: 10 }), Array(4).fill(false));
});

Deno.test("parseStat() reads commands with blanks and parentheses", () => {
  const tail = "S 10 20 30 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 812345 1000 200";
  const stat = { state: "S", parentPid: 10, processGroup: 20, session: 30, startTime: "812345" };
  for (const command of ["bash", "a b", "a) S 1 (b", ""]) {
    assert.deepEqual(parseStat(`4711 (${command}) ${tail}\n`), { command, ...stat });
  }
  for (const text of ["", "4711 bash S", "4711 (bash) S 1 2"]) assert.equal(parseStat(text), undefined);
});

Deno.test("parseCommandLine() puts the arguments on one line of bounded length", () => {
  assert.equal(parseCommandLine("node\0server.js\0--port\x001\0"), "node server.js --port 1");
  assert.equal(parseCommandLine("x".repeat(1000)).length, 301);
});

Deno.test("userName() finds the name of a number and falls back to the number", () => {
  const passwd = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";
  assert.deepEqual(["0", "1000", "7"].map((uid) => userName(passwd, uid)), ["root", "ada", "7"]);
});

linuxTest("procfs knows what is not there, and lists folders of any size", async () => {
  const { procfs } = openLinuxParts();
  assert.equal(procfs.read("/proc/nothing"), undefined);
  assert.equal(procfs.link("/proc/self/nothing"), undefined);
  assert.equal(procfs.list("/proc/nothing"), undefined);
  assert.equal(procfs.link("/proc/self/cwd"), Deno.cwd());
  assert.equal(await procfs.readLarge("/proc/version"), procfs.read("/proc/version"));
  const folder = await Deno.makeTempDir();
  const names = Array.from({ length: 3000 }, (_, i) => `file-${i}`).sort();
  await Promise.all(names.map((name) => Deno.writeTextFile(`${folder}/${name}`, "")));
  assert.deepEqual(procfs.list(folder)!.sort(), names);
  await Deno.remove(folder, { recursive: true });
  assert.throws(() => procfs.list("/proc/version"), /Cannot read \/proc\/version: errno 20/);
});
