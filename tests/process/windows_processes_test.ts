/** Processes of Windows, on Windows: tests/os/wine_test.ts runs these where there is none. */
import assert from "node:assert/strict";
import { addressOf } from "../../src/os/pointer.ts";
import { PROCESS_VM_READ } from "../../src/os/windows/kernel32.ts";
import {
  PROCESS_COMMAND_LINE_INFORMATION,
  PROCESS_SESSION_INFORMATION,
  STATUS_ACCESS_DENIED,
  STATUS_SUCCESS,
} from "../../src/os/windows/ntdll.ts";
import { openProcess } from "../../src/os/windows/open_process.ts";
import { wideBytes } from "../../src/os/windows/wide_text.ts";
import { isSameProcess, lineageOf } from "../../src/process/process.ts";
import { openWindowsLibraries, type WindowsLibraries, WindowsProcesses } from "../../src/process/windows/processes.ts";

/** A child that runs until its stdin is closed; answers when it runs. */
async function startChild(cwd?: string): Promise<Deno.ChildProcess> {
  const script = "console.log('up'); await Deno.stdin.readable.pipeTo(new WritableStream())";
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    stdin: "piped",
    stdout: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return child;
}

async function endChild(child: Deno.ChildProcess): Promise<void> {
  await child.stdin.close();
  await child.stdout.cancel();
  await child.status;
}

/** The libraries for a user who may open no process, or none for its memory. */
function withRights(libraries: WindowsLibraries, mayOpen: (rights: number) => boolean): WindowsLibraries {
  const { ntdll } = libraries;
  return {
    ...libraries,
    ntdll: {
      ...ntdll,
      NtOpenProcess: (handle, rights, ...parts) =>
        mayOpen(rights) ? ntdll.NtOpenProcess(handle, rights, ...parts) : STATUS_ACCESS_DENIED,
    },
  };
}

type Query = WindowsLibraries["ntdll"]["NtQueryInformationProcess"];
/** What an `NtQueryInformationProcess` of this kernel writes, by its `PROCESSINFOCLASS`. */
type Kernel = Readonly<Record<number, (bytes: Uint8Array<ArrayBuffer>) => void>>;

/** The libraries over another kernel, and with which rights processes were opened. */
function watched(libraries: WindowsLibraries, kernel: Kernel = {}) {
  const { ntdll } = libraries, rights: number[] = [];
  const seen = withRights(libraries, (asked) => rights.push(asked) > 0);
  const NtQueryInformationProcess: Query = (process, information, bytes, ...lengths) => {
    const write = kernel[information];
    if (write === undefined) return ntdll.NtQueryInformationProcess(process, information, bytes, ...lengths);
    write(bytes as Uint8Array<ArrayBuffer>);
    return STATUS_SUCCESS;
  };
  return { rights, libraries: { ...seen, ntdll: { ...seen.ntdll, NtQueryInformationProcess } } };
}

/** Writes a `UNICODE_STRING` with its text behind it. */
function writeText(bytes: Uint8Array<ArrayBuffer>, text: string): void {
  const STRUCTURE_SIZE = 16, wide = wideBytes(text).subarray(0, 2 * text.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, wide.length, true);
  view.setBigUint64(8, addressOf(bytes) + BigInt(STRUCTURE_SIZE), true);
  bytes.set(wide, STRUCTURE_SIZE);
}

function windowsTest(name: string, fn: (libraries: WindowsLibraries) => void | Promise<void>): void {
  if (Deno.build.os === "windows") Deno.test(name, () => fn(openWindowsLibraries()));
}

windowsTest("processes of Windows describe this very process", (libraries) => {
  const own = new WindowsProcesses(libraries).find(Deno.pid)!;
  assert.match(own.command!, /deno\.exe"? .*test/);
  assert.equal(own.cwd, Deno.cwd());
  assert.match(own.user!, /^S-1-[\d-]+$/, "its name is not known yet");
  assert.match(own.startTime, /^\d{18}$/);
  assert.match(own.bootId, /^boot-\d{18}$/);
  assert.ok(Math.abs(Date.now() - Date.parse(own.startedAt!)) < 600_000, own.startedAt!);
  assert.deepEqual([own.processGroup, own.session], [null, null]);
});

windowsTest("a child is found with its parent and folder while it runs, and missed afterwards", async (libraries) => {
  const processes = new WindowsProcesses(libraries);
  const child = await startChild("C:\\");
  const found = processes.find(child.pid)!;
  assert.equal(found.pid, child.pid);
  assert.equal(found.parentPid, Deno.pid);
  assert.match(found.command!, /deno\.exe"? .*eval/);
  assert.equal(found.cwd, "C:\\");
  assert.ok(processes.isAlive(found));
  const own = processes.find(Deno.pid)!;
  assert.ok(lineageOf(processes, processes.find(child.pid)!).some((each) => isSameProcess(each, own)));
  await endChild(child);
  assert.equal(processes.find(child.pid), undefined);
  assert.equal(processes.isAlive(found), false);
});

windowsTest("a process that has ended and is still open somewhere does not run", async (libraries) => {
  const processes = new WindowsProcesses(libraries);
  const child = await startChild();
  const found = processes.find(child.pid)!;
  const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
  const { handle } = openProcess(child.pid, PROCESS_QUERY_LIMITED_INFORMATION, libraries.ntdll);
  assert.notEqual(handle, null);
  await endChild(child);
  const { handle: again } = openProcess(child.pid, PROCESS_QUERY_LIMITED_INFORMATION, libraries.ntdll);
  assert.notEqual(again, null, "nobody has it open");
  assert.equal(processes.find(child.pid), undefined);
  assert.equal(processes.isAlive(found), false);
  libraries.kernel32.CloseHandle(again);
  libraries.kernel32.CloseHandle(handle);
});

windowsTest("a pid with another start time or boot is not the process that was meant", (libraries) => {
  const processes = new WindowsProcesses(libraries);
  const own = processes.find(Deno.pid)!;
  assert.ok(processes.isAlive(own));
  assert.equal(processes.isAlive({ ...own, startTime: String(BigInt(own.startTime) + 1n) }), false);
  assert.equal(processes.isAlive({ ...own, bootId: "boot-1" }), false);
  assert.equal(new WindowsProcesses(libraries).bootId, processes.bootId);
});

windowsTest("numbers that Windows would take for our pid, and those of nobody, are no processes", (libraries) => {
  const processes = new WindowsProcesses(libraries);
  const { startTime, bootId } = processes.find(Deno.pid)!;
  for (const pid of [Deno.pid + 1, Deno.pid + 2, Deno.pid + 3, 0, -4, 1.5, 4_000_000_000, 2 ** 32 + Deno.pid]) {
    assert.equal(processes.find(pid), undefined, `${pid}`);
    assert.equal(processes.isAlive({ pid, startTime, bootId }), false, `${pid}`);
  }
});

windowsTest("processes that may not be opened are described from the system's table", async (libraries) => {
  const closed = new WindowsProcesses(withRights(libraries, () => false));
  const open = new WindowsProcesses(libraries);
  const child = await startChild();
  const found = closed.find(child.pid)!;
  const { startTime, startedAt, bootId, parentPid } = open.find(child.pid)!;
  assert.deepEqual(found, {
    pid: child.pid,
    startTime,
    bootId,
    startedAt,
    command: "deno.exe",
    cwd: null,
    user: null,
    parentPid,
    processGroup: null,
    session: null,
  });
  assert.ok(closed.isAlive(found));
  await endChild(child);
  assert.equal(closed.isAlive(found), false);
  assert.equal(closed.find(4_000_000_000), undefined);
});

windowsTest("of processes whose memory may not be read there is at least the program", (libraries) => {
  const processes = new WindowsProcesses(withRights(libraries, (access) => (access & PROCESS_VM_READ) === 0));
  const own = processes.find(Deno.pid)!;
  assert.match(own.command!, /deno\.exe/);
  assert.equal(own.cwd, null);
  assert.notEqual(own.user, null);
});

windowsTest("the memory of strangers and of the system's own processes is never read", (libraries) => {
  const readsMemory = (rights: number) => (rights & PROCESS_VM_READ) !== 0;
  const usual = watched(libraries);
  const found = new WindowsProcesses(usual.libraries).find(Deno.pid)!;
  assert.equal(found.cwd, Deno.cwd());
  assert.equal(usual.rights.filter(readsMemory).length, 1);
  const strange = watched(libraries);
  const stranger = new WindowsProcesses(strange.libraries).strangers.find(Deno.pid)!;
  assert.deepEqual(stranger, { ...found, command: stranger.command, cwd: null });
  assert.match(stranger.command!, /deno\.exe/);
  assert.ok(strange.rights.length > 0 && !strange.rights.some(readsMemory));
  const system = watched(libraries, { [PROCESS_SESSION_INFORMATION]: (bytes) => bytes.fill(0) });
  assert.deepEqual(new WindowsProcesses(system.libraries).find(Deno.pid), stranger);
  assert.ok(!system.rights.some(readsMemory));
});

// Wine's kernel does not say it.
windowsTest("the command line is what the kernel says, where it does", (libraries) => {
  const { rights, ...kernel } = watched(libraries, {
    [PROCESS_COMMAND_LINE_INFORMATION]: (bytes) => writeText(bytes, "node server.js"),
  });
  assert.equal(new WindowsProcesses(kernel.libraries).strangers.find(Deno.pid)!.command, "node server.js");
  assert.ok(!rights.some((asked) => (asked & PROCESS_VM_READ) !== 0));
});

windowsTest(
  "the user of a process is a SID until the name is known, which is looked up once and off the loop",
  async (libraries) => {
    const answers: (() => Promise<number>)[] = [];
    const advapi32: typeof libraries.advapi32 = {
      ...libraries.advapi32,
      LookupAccountSidW: () => assert.fail("it may block for many seconds"),
      lookUpAccountOffLoop: (...parameters) =>
        new Promise((resolve) =>
          answers.push(async () => {
            const answer = await libraries.advapi32.lookUpAccountOffLoop(...parameters);
            resolve(answer);
            return answer;
          })
        ),
    };
    const processes = new WindowsProcesses({ ...libraries, advapi32 });
    const user = () => processes.find(Deno.pid)!.user!;
    assert.match(user(), /^S-1-[\d-]+$/);
    assert.match(user(), /^S-1-[\d-]+$/);
    assert.equal(answers.length, 1);
    assert.notEqual(await answers[0]!(), 0);
    assert.match(user(), /^[^\\]+\\[^\\]+$/);
    assert.equal(answers.length, 1);
  },
);
