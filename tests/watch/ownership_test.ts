import assert from "node:assert/strict";
import type { Holder, LeaseListener } from "../../src/lease/lease.ts";
import { LeaseTable } from "../../src/lease/lease_table.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import type { Process, ProcessIdentity } from "../../src/process/process.ts";
import { holderProcessesOf, ownershipOf } from "../../src/watch/ownership.ts";
import { socketRow } from "../support/sockets.ts";
import { leaseOf } from "../support/store.ts";

const NOBODY = { pid: null, startTime: null, bootId: null, command: null, cwd: null, user: null };

/** A process that started at the time of its number, in a session and a group of its own. */
function processOf(pid: number, part: Partial<Process> = {}): Process {
  return {
    pid,
    startTime: String(pid),
    bootId: "b",
    command: "/usr/bin/vite --port 1",
    cwd: null,
    user: null,
    startedAt: null,
    parentPid: 1,
    processGroup: pid,
    session: pid,
    ...part,
  };
}

function identity(pid: number): ProcessIdentity {
  return { pid, startTime: String(pid), bootId: "b" };
}

/** A machine: its processes, its leases (the first is the one that is asked about), and what was seen before. */
interface Machine {
  readonly processes: readonly Process[];
  readonly leases: readonly LeaseRecord[];
  readonly holderProcesses?: readonly ProcessIdentity[];
}

function judge({ processes, leases, holderProcesses = [] }: Machine, ...sharers: readonly number[]) {
  const table = new LeaseTable();
  for (const [i, lease] of leases.entries()) table.add({ ...lease, port: i + 1 });
  const find = (pid: number) => processes.find((process) => process.pid === pid);
  const row = socketRow({ pid: sharers[0] ?? null, sharers });
  return ownershipOf(leases[0]!, row, { processes: { find }, table, holderProcesses });
}

function reason(machine: Machine, ...sharers: readonly number[]): string | null {
  const { ofHolder, reason } = judge(machine, ...sharers);
  assert.equal(ofHolder, reason === null);
  return reason;
}

const HOLDER = processOf(10, { processGroup: 10, session: 5 });

Deno.test("a listener is the holder's by descent, process group and session, and by nothing else", () => {
  const processes = [
    HOLDER,
    processOf(11, { parentPid: 10 }),
    processOf(12, { parentPid: 11 }),
    processOf(20, { processGroup: 10 }),
    processOf(21, { session: 5 }),
    processOf(22),
    processOf(23, { parentPid: 99, processGroup: null, session: null }),
  ];
  const machine = { processes, leases: [leaseOf("shop", identity(10))] };
  assert.deepEqual([10, 11, 12, 20, 21].map((pid) => reason(machine, pid)), [null, null, null, null, null]);
  assert.equal(reason(machine, 22), "pid 22 (vite --port 1) was not started by the holder's pid 10");
  assert.match(reason(machine, 23)!, /^pid 23 .* was not started by the holder's pid 10$/);
  assert.equal(reason(machine, 99), "pid 99 has ended, or the daemon cannot see it");
});

Deno.test("a pid that is another process's now is not the holder's, nor is what descends from it", () => {
  const leases = [leaseOf("shop", { ...identity(10), startTime: "9" })];
  const machine = { processes: [HOLDER, processOf(11, { parentPid: 10 })], leases };
  assert.match(reason(machine, 10)!, /was not started by the holder's pid 10, which has ended$/);
  assert.match(reason(machine, 11)!, /was not started by the holder's pid 10, which has ended$/);
  const known = { processes: [processOf(12)], leases, holderProcesses: [{ ...identity(12), startTime: "8" }] };
  assert.match(reason(known, 12)!, /which has ended$/);
});

Deno.test("what was seen to be the holder's, and what it starts, is so when the holder's process has ended", () => {
  const processes = [
    processOf(12, { processGroup: 11, session: 11 }),
    processOf(13, { parentPid: 12 }),
    processOf(14, { processGroup: 11, session: 14 }),
    processOf(15, { parentPid: 1 }),
  ];
  const machine = { processes, leases: [leaseOf("shop", identity(10))], holderProcesses: [identity(12)] };
  assert.deepEqual([12, 13, 14].map((pid) => reason(machine, pid)), [null, null, null]);
  assert.match(reason(machine, 15)!, /was not started by the holder's pid 10, which has ended$/);
});

Deno.test("a session that the holder's process began is the holder's when that process has ended", () => {
  const processes = [processOf(16, { processGroup: 16, session: 10 }), processOf(17, { processGroup: 10 })];
  const machine = { processes, leases: [leaseOf("shop", identity(10))] };
  assert.deepEqual([16, 17].map((pid) => reason(machine, pid)), [null, null]);
  const reused = { ...machine, processes: [...processes, processOf(10, { startTime: "99" })] };
  assert.deepEqual([16, 17].map((pid) => reason(reused, pid) === null), [false, false]);
});

Deno.test("holderProcessesOf() names the processes up to the holder's, or those of the group where that has ended", () => {
  const processes = [
    processOf(5),
    processOf(10, { parentPid: 5 }),
    processOf(11, { parentPid: 10, processGroup: 10 }),
    processOf(12, { parentPid: 11, processGroup: 10 }),
    processOf(13, { parentPid: 12 }),
    processOf(14, { parentPid: 13, processGroup: null }),
  ];
  const find = (pid: number) => processes.find((process) => process.pid === pid);
  const kin = (holder: Partial<Holder>, pid: number) =>
    holderProcessesOf(leaseOf("shop", holder), pid, { find }).map((each) => each.pid);
  assert.deepEqual(kin(identity(10), 13), [13, 12, 11]);
  assert.deepEqual(kin(identity(10), 10), [10]);
  assert.deepEqual(kin(identity(9), 12), [12, 11, 10]);
  assert.deepEqual(kin(identity(9), 14), [14]);
  assert.deepEqual(kin(identity(9), 99), []);
});

Deno.test("what another holder's process has started is not ours, in our session and in our folder too", () => {
  const processes = [HOLDER, processOf(30, { session: 5 }), processOf(31, { parentPid: 30, session: 5, cwd: "/shop" })];
  const other = leaseOf("other", identity(30));
  for (const holder of [identity(10), { cwd: "/shop" }, {}]) {
    const machine = { processes, leases: [leaseOf("shop", holder), other] };
    assert.equal(reason(machine, 31), "pid 31 (vite --port 1) belongs to the lease other/web");
    assert.equal(reason({ ...machine, leases: [machine.leases[0]!] }, 31), null);
  }
  const sameHolder = leaseOf("api", { ...identity(30), id: "cli:/shop" });
  assert.equal(reason({ processes, leases: [leaseOf("shop", { cwd: "/shop" }), sameHolder] }, 31), null);
});

Deno.test("a known listener of another lease is not ours when its holder's process has ended", () => {
  const listener: LeaseListener = { ...NOBODY, ...identity(31), address: "", since: "", reason: null };
  const processes = [processOf(31), processOf(32, { parentPid: 31 })];
  const listening = leaseOf("other", identity(30), { state: "listening", listener });
  assert.match(reason({ processes, leases: [leaseOf("shop"), listening] }, 32)!, /belongs to the lease other\/web$/);
  const later = { ...listener, startTime: "30" };
  assert.equal(reason({ processes, leases: [leaseOf("shop"), { ...listening, listener: later }] }, 32), null);
});

Deno.test("where the holder has no process, its folder and what lies in it say whose a listener is", () => {
  const at = (pid: number, cwd: string | null, part: Partial<Process> = {}) => processOf(pid, { cwd, ...part });
  const processes = [
    at(40, "/home/me/shop"),
    at(41, "/home/me/shop/packages/web"),
    at(42, "/home/me/shopping"),
    at(43, "/home/me"),
    at(44, "/tmp", { parentPid: 40, session: 40 }), // started from within the project
    at(45, "/tmp", { parentPid: 40 }), // the same, in a session of its own
  ];
  const machine = { processes, leases: [leaseOf("shop", { cwd: "/home/me/shop" })] };
  assert.deepEqual([40, 41, 44].map((pid) => reason(machine, pid)), [null, null, null]);
  assert.equal(reason(machine, 42), "pid 42 (vite --port 1) runs in /home/me/shopping, not in /home/me/shop");
  assert.match(reason(machine, 43)!, /runs in \/home\/me, not in \/home\/me\/shop$/);
  assert.match(reason(machine, 45)!, /runs in \/tmp, not in \/home\/me\/shop$/);
});

Deno.test("the nearest folder of a lease decides: a worktree within the checkout is a project of its own", () => {
  const processes = [
    processOf(50, { cwd: "/shop/.worktrees/login/src" }),
    processOf(51, { cwd: "/shop/src" }),
    processOf(52, { cwd: "/shop/.worktrees/login", parentPid: 51, session: 51 }),
  ];
  const [shop, login] = [leaseOf("shop", { cwd: "/shop" }), leaseOf("login", { cwd: "/shop/.worktrees/login/" })];
  const isHolders = (...leases: LeaseRecord[]) =>
    [50, 51, 52].map((pid) => reason({ processes, leases }, pid) === null);
  assert.deepEqual(isHolders(shop, login), [false, true, false]);
  assert.deepEqual(isHolders(login, shop), [true, false, true]);
  assert.equal(reason({ processes, leases: [shop] }, 50), null);
});

Deno.test("where folders say nothing, any listener is that of a holder without a process", () => {
  const proxy = "/usr/bin/docker-proxy -proto tcp -host-port 1";
  const processes = [
    processOf(60, { cwd: null }),
    processOf(61, { cwd: "/" }),
    processOf(62, { cwd: "C:\\Windows\\System32" }),
    processOf(63, { cwd: "/run/containers", command: proxy }),
    processOf(64, { cwd: "/other" }),
  ];
  const shop = { processes, leases: [leaseOf("shop", { cwd: "/shop" })] };
  assert.deepEqual([60, 61, 62, 63, 99].map((pid) => reason(shop, pid)), [null, null, null, null, null]);
  assert.equal(reason(shop), null); // a process that the daemon may not see
  for (const cwd of [null, "shop"]) assert.equal(reason({ processes, leases: [leaseOf("x", { cwd })] }, 64), null);
});

Deno.test("folders of Windows are the same in either case and with either slash", () => {
  const processes = [processOf(70, { cwd: "c:\\users\\ME\\Shop\\web" }), processOf(71, { cwd: "C:\\Users\\me" })];
  const machine = { processes, leases: [leaseOf("shop", { cwd: "C:/Users/me/shop/" })] };
  assert.deepEqual([70, 71].map((pid) => reason(machine, pid) === null), [true, false]);
});

Deno.test("of a shared socket the holder's processes stand for it; a stranger's names the first", () => {
  const processes = [HOLDER, processOf(11, { parentPid: 10 }), processOf(22), processOf(23)];
  const machine = { processes, leases: [leaseOf("shop", identity(10))] };
  assert.deepEqual(judge(machine, 22, 11, 10), { ofHolder: true, pids: [11, 10], reason: null });
  const { ofHolder, pids, reason } = judge(machine, 22, 23);
  assert.deepEqual([ofHolder, pids], [false, [22, 23]]);
  assert.match(reason!, /^pid 22 /);
});

Deno.test("of a hidden process only a holder with a process knows that it is not its own", () => {
  const machine = { processes: [HOLDER], leases: [leaseOf("shop", identity(10))] };
  assert.equal(reason(machine), "the daemon cannot see which process it is");
});
