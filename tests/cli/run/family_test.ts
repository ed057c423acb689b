/** Whom a command has started: over a table of processes, and over real ones. */
import assert from "node:assert/strict";
import { Family, type FamilyParts } from "../../../src/cli/run/family.ts";
import type { ProcessPlace } from "../../../src/process/process.ts";

/** This process, and the session of the shell that started it. */
const STARTER = 100, SHELL = 50;
/** The command. */
const ROOT = 200;

/** A table of processes that a test changes. */
class Table {
  readonly #places = new Map<number, ProcessPlace>();

  constructor(...places: ProcessPlace[]) {
    this.add(...places);
  }

  add(...places: ProcessPlace[]): void {
    for (const place of places) this.#places.set(place.pid, place);
  }

  /** Ends a process; its children become those of `heir`. */
  end(pid: number, heir = 1): void {
    this.#places.delete(pid);
    for (const place of this.#places.values()) {
      if (place.parentPid === pid) this.#places.set(place.pid, { ...place, parentPid: heir });
    }
  }

  family(parts: Partial<FamilyParts> = {}): Family {
    const processes = {
      list: () => [...this.#places.values()],
      placeOf: (pid: number) => this.#places.get(pid),
      find: () => undefined,
    };
    return new Family({ processes, root: ROOT, starter: STARTER, adopts: false, isOwn: () => false, ...parts });
  }
}

function place(pid: number, parentPid: number, session: number, { startTime = "20", processGroup = session } = {}) {
  return { pid, parentPid, session, processGroup, startTime };
}

const starter = place(STARTER, SHELL, SHELL, { startTime: "10" });
const pids = (family: Family) => family.look().map(({ pid, hasLeft }) => hasLeft ? `${pid} left` : pid);

Deno.test("a family is who descends from the command; who has begun a session of its own has left", () => {
  const table = new Table(
    starter,
    place(ROOT, STARTER, SHELL),
    place(201, ROOT, SHELL),
    place(202, 201, SHELL, { processGroup: 202 }),
    place(203, 201, 203),
    place(300, SHELL, SHELL),
    place(301, STARTER, SHELL),
  );
  assert.deepEqual(pids(table.family()), [ROOT, 201, 202, "203 left"]);
});

Deno.test("a session of the command's own is its family, whoever of it has ended", () => {
  const table = new Table(starter, place(ROOT, STARTER, ROOT), place(201, ROOT, ROOT), place(300, SHELL, SHELL));
  const family = table.family();
  table.end(ROOT);
  assert.deepEqual(pids(family), [201]);
  table.add(place(ROOT, 1, ROOT, { startTime: "99" }));
  table.end(201);
  assert.deepEqual(pids(family), [], "another process has the pid now, and its session is another");
});

Deno.test("who has been seen once stays in the family when its parents have ended", () => {
  const table = new Table(starter, place(ROOT, STARTER, SHELL), place(201, ROOT, SHELL), place(202, 201, 202));
  const family = table.family();
  assert.deepEqual(pids(family), [ROOT, 201, "202 left"]);
  table.end(ROOT);
  table.end(201);
  table.add(place(203, 202, 202));
  assert.deepEqual(pids(family), ["202 left", "203 left"]);
  table.add(place(202, 1, 202, { startTime: "99" }));
  table.end(203);
  assert.deepEqual(pids(family), [], "another process has the pid now");
});

Deno.test("orphans that become our children are of the family; what we started otherwise is not", () => {
  const [WITNESS, DAEMON] = [110, 120];
  const table = new Table(
    starter,
    place(DAEMON, STARTER, DAEMON, { startTime: "19" }),
    place(WITNESS, STARTER, SHELL),
    place(ROOT, STARTER, SHELL),
    place(201, ROOT, SHELL),
    place(202, 201, 202),
  );
  const family = table.family({ adopts: true, isOwn: (pid) => pid === WITNESS });
  table.end(201, STARTER);
  table.end(ROOT, STARTER);
  assert.deepEqual(pids(family), ["202 left"]);
  assert.deepEqual([202, WITNESS, DAEMON, ROOT, 999].map((pid) => family.hasAdopted(pid)), [
    true,
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("an orphan of a command that was started before is taken note of when it ends, and is not of the family", () => {
  const [DAEMON, ORPHAN, ROOT_BEFORE] = [120, 150, "15"];
  const table = new Table(
    starter,
    place(DAEMON, STARTER, DAEMON, { startTime: "14" }),
    place(ORPHAN, STARTER, SHELL, { startTime: "16" }),
    place(ROOT, STARTER, SHELL),
  );
  assert.equal(table.family({ adopts: true }).hasAdopted(ORPHAN), false);
  const family = table.family({ adopts: true, firstStart: ROOT_BEFORE });
  assert.deepEqual([ORPHAN, DAEMON, ROOT].map((pid) => family.hasAdopted(pid)), [true, false, false]);
  assert.deepEqual(pids(family), [ROOT]);
});

Deno.test("a look asks for each parent a few times, however long the lines of processes are", () => {
  const COUNT = 5000;
  let reads = 0;
  const line = (first: number, root: number) =>
    Array.from({ length: COUNT }, (_, i): ProcessPlace => ({
      ...place(first + i, 0, 7),
      get parentPid() {
        reads++;
        return i === 0 ? root : first + i - 1;
      },
    }));
  const table = new Table(starter, place(ROOT, STARTER, SHELL), ...line(10_000, ROOT), ...line(20_000, SHELL));
  assert.equal(table.family().look().length, COUNT + 1);
  assert.ok(reads <= 8 * COUNT, `${reads} reads of ${2 * COUNT} parents`);
});

Deno.test("parents that form a circle are no family", () => {
  const table = new Table(starter, place(ROOT, STARTER, SHELL), place(301, 302, SHELL), place(302, 301, SHELL));
  assert.deepEqual(pids(table.family()), [ROOT]);
});
