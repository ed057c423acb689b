import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import type { LeaseListener } from "../../../src/lease/lease.ts";
import { StoreLockedError } from "../../../src/lease/store/open.ts";
import { INSERT_LEASE, toValues } from "../../../src/lease/store/rows.ts";
import { MIGRATIONS } from "../../../src/lease/store/schema.ts";
import { Store } from "../../../src/lease/store/store.ts";
import { Turns } from "../../../src/os/turns.ts";
import { insert, pass, record, storeTest } from "../../support/store.ts";

storeTest("what write() has answered is there when the file is opened again", async (open) => {
  const store = await open();
  const lease = record("A", 3000, {
    name: "a/web",
    project: "a",
    protocols: ["tcp", "udp"],
    labels: { x: "y" },
    deadline: 1.5,
  });
  await store.write([...insert(lease), { kind: "name", name: "a/web", port: 3000 }]);
  await store.close();
  const again = await open();
  const [{ expiresAt: _, ...live }] = again.liveLeases() as [ReturnType<Store["liveLeases"]>[number]];
  assert.deepEqual(live, lease);
  assert.deepEqual([...again.names()], [["a/web", 3000]]);
});

storeTest("the identity of a listener that an earlier version wrote into the file is not known", async (open) => {
  const store = await open();
  const known = { pid: 4711, command: "vite", cwd: "/shop", user: "me", address: "127.0.0.1", since: "2026-11-23" };
  await store.write(insert(record("A", 3000, { listener: known as unknown as LeaseListener })));
  const [lease] = store.liveLeases();
  assert.deepEqual(lease?.listener, { ...known, startTime: null, bootId: null, reason: null });
});

storeTest("the file itself refuses a second live lease of a port, and the rest of the group is kept", async (open) => {
  const store = await open();
  const results = await Promise.allSettled([
    store.write(insert(record("A", 3000))),
    store.write(insert(record("B", 3000))),
    store.write([...insert(record("C", 3001)), ...insert(record("D", 3000))]),
    store.write(insert(record("E", 3000, { protocols: ["udp"] }))),
    store.write(insert(record("F", 3002))),
  ]);
  assert.deepEqual(results.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  assert.deepEqual(store.liveLeases().map(({ port }) => port).sort(), [3000, 3000, 3002]);
  await store.write([{ kind: "end", record: record("A", 3000, { state: "released", endedAt: 5 }) }]);
  await store.write(insert(record("G", 3000)));
});

storeTest("a group that was refused whole does not hold up what comes after it", async (open) => {
  const store = await open();
  await assert.rejects(store.write([{ kind: "update", record: record("A", 3000) }]), { code: "store_unavailable" });
  await store.settled();
  await store.write(insert(record("B", 3000)));
  assert.equal(store.liveLeases().length, 1);
});

/** Syncs that end when the test says so. */
class Syncs {
  readonly #begun: (() => void)[] = [];
  #awaited: ((end: () => void) => void) | undefined;

  readonly sync = (): Promise<void> =>
    new Promise((end) => {
      if (this.#awaited === undefined) this.#begun.push(end);
      else this.#awaited(end);
      this.#awaited = undefined;
    });

  /** The next one, when it has begun: what ends it. */
  next(): Promise<() => void> {
    const begun = this.#begun.shift();
    return begun ? Promise.resolve(begun) : new Promise((resolve) => this.#awaited = resolve);
  }

  async finish(): Promise<void> {
    (await this.next())();
  }
}

/** Puts another fdatasync in the place of the disk's, for as long as it is used. */
function replaceSync(sync: (original: () => Promise<void>) => Promise<void>): Disposable {
  const original = Deno.FsFile.prototype.syncData;
  Deno.FsFile.prototype.syncData = function () {
    return sync(() => original.call(this));
  };
  return {
    [Symbol.dispose]() {
      Deno.FsFile.prototype.syncData = original;
    },
  };
}

storeTest("write() answers when the disk has it, and syncs once what has come meanwhile", async (open) => {
  const store = await open();
  const syncs: (() => void)[] = [];
  const asked: (() => void)[] = [];
  const answered: string[] = [];
  {
    using _slow = replaceSync(() => {
      asked.shift()?.();
      return new Promise((resolve) => syncs.push(resolve));
    });
    const nextSync = () => new Promise<void>((resolve) => asked.push(resolve));
    const firstSync = nextSync();
    const first = store.write(insert(record("A", 3000))).then(() => answered.push("A"));
    await firstSync;
    assert.equal(store.find(record("A", 3000).id)?.port, 3000); // committed, and not answered
    const others = ["B", "C"].map((id, i) => store.write(insert(record(id, 3001 + i))).then(() => answered.push(id)));
    const secondSync = nextSync();
    syncs.shift()!();
    await Promise.all([first, secondSync]);
    assert.deepEqual(answered, ["A"]);
    syncs.shift()!();
    await Promise.all(others);
  }
  assert.deepEqual([answered, syncs.length], [["A", "B", "C"], 0]);
});

storeTest("after a commit that the disk did not sync, the error says so and nothing more is written", async (open) => {
  const store = await open();
  const refused = await store.write([{ kind: "update", record: record("A", 3000) }]).catch((reason) => reason);
  assert.deepEqual([refused.code, refused.isCommitted], ["store_unavailable", false]);
  {
    using _broken = replaceSync(() => Promise.reject(new Error("input/output error")));
    const error = await store.write(insert(record("A", 3000))).catch((reason) => reason);
    assert.deepEqual([error.code, error.isCommitted], ["store_unavailable", true]);
  }
  const late = await store.write(insert(record("B", 3001))).catch((reason) => reason);
  assert.deepEqual([late.code, late.isCommitted], ["store_unavailable", false]);
  assert.match(late.message, /the disk has failed \(input\/output error\); restart portd/);
  assert.equal(store.hasFailed, true);
});

storeTest("after a failed sync the log is written and synced again, and the file is left alone", async (open, path) => {
  const store = await open();
  await store.write(insert(record("A", 3000)));
  const file = await Deno.readFile(path);
  const written: number[] = [];
  let syncs = 0;
  {
    using _flaky = replaceSync((sync) => ++syncs === 1 ? Promise.reject(new Error("input/output error")) : sync());
    using _seen = replaceWrite((length) => written.push(length));
    await store.write(insert(record("B", 3001)));
  }
  assert.equal(syncs, 2);
  assert.deepEqual(written, [(await Deno.stat(`${path}-wal`)).size]);
  assert.deepEqual(await Deno.readFile(path), file);
  await store.write(insert(record("C", 3002)));
  await store.close();
  const next = await open();
  assert.deepEqual(next.liveLeases().map(({ port }) => port).sort(), [3000, 3001, 3002]);
});

/** Reports the length of what is written into files, other than by SQLite, for as long as it is used. */
function replaceWrite(report: (length: number) => void): Disposable {
  const original = Deno.FsFile.prototype.writeSync;
  Deno.FsFile.prototype.writeSync = function (bytes) {
    report(bytes.length);
    return original.call(this, bytes);
  };
  return {
    [Symbol.dispose]() {
      Deno.FsFile.prototype.writeSync = original;
    },
  };
}

storeTest("a change of a lease that is not there is refused", async (open) => {
  const store = await open();
  await assert.rejects(store.write([{ kind: "update", record: record("A", 3000) }]), { code: "store_unavailable" });
});

storeTest("a second store on the same file is refused while the first is open", async (open) => {
  const store = await open();
  await assert.rejects(open(), StoreLockedError);
  await store.write(insert(record("A", 3000)));
  await store.close();
  const next = await open();
  assert.equal(next.liveLeases().length, 1);
});

storeTest("of stores that open a new file at once one wins, and none calls the file damaged", async (open, path) => {
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => open()));
  const won = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  assert.equal(won.length, 1);
  for (const result of results) assert.ok(result.status === "fulfilled" || result.reason instanceof StoreLockedError);
  assert.equal(won[0]!.setAside, null);
  await won[0]!.write(insert(record("A", 3000)));
  await won[0]!.close();
  const names = [...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))].map(({ name }) => name);
  assert.deepEqual(names, ["leases.db"]);
});

const DAMAGES: [name: string, spoil: (path: string) => Promise<void>][] = [
  [
    "filled with something else",
    (path) => Deno.writeTextFile(path, "no database at all, but long enough to look like one"),
  ],
  ["emptied", (path) => Deno.truncate(path, 0)],
  ["cut in half", async (path) => await Deno.truncate(path, Math.floor((await Deno.stat(path)).size / 2))],
  ["overwritten in the middle", async (path) => {
    const bytes = await Deno.readFile(path);
    bytes.fill(0xa5, 4096, Math.min(bytes.length, 40_960));
    await Deno.writeFile(path, bytes);
  }],
];

for (const [name, spoil] of DAMAGES) {
  storeTest(`a file that was ${name} is set aside whole and a new one begun`, async (open, path) => {
    const store = await open();
    for (let port = 3000; port < 3200; port++) await store.write(insert(record(String(port), port)));
    await store.close();
    await spoil(path);
    const spoilt = await Deno.readFile(path);
    const next = await open();
    assert.equal(next.setAside, `${path}.damaged-2026-11-23T10-00-00-000Z`);
    assert.deepEqual(await Deno.readFile(next.setAside), spoilt);
    assert.deepEqual(next.liveLeases(), []);
    await next.write(insert(record("A", 3000)));
  });
}

storeTest("a file of a newer portd is refused and left alone", async (open, path) => {
  await (await open()).close();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 99");
  db.close();
  const before = await Deno.readFile(path);
  await assert.rejects(open(), {
    code: "store_unavailable",
    message: /schema 99, this portd knows \d+; start the newer portd/,
  });
  assert.deepEqual(await Deno.readFile(path), before);
});

storeTest("the same key of two callers is two keys", async (open) => {
  const store = await open();
  const answer = { key: "k", status: 201, leaseIds: ["0".repeat(26), "1".repeat(26)] };
  await store.write([{ kind: "answer", answer: { ...answer, caller: "uid:1", fingerprint: "one" } }]);
  await store.write([{ kind: "answer", answer: { ...answer, caller: "uid:2", fingerprint: "two" } }]);
  assert.equal(store.answer({ caller: "uid:1", key: "k" })?.fingerprint, "one");
  assert.deepEqual(store.answer({ caller: "uid:2", key: "k" }), { ...answer, caller: "uid:2", fingerprint: "two" });
  assert.equal(store.answer({ caller: "uid:3", key: "k" }), undefined);
});

storeTest("endedSince() gives each port once, with its last end", async (open) => {
  const store = await open();
  await pass(store, "A", { endedAt: 10 });
  await pass(store, "B", { endedAt: 20, name: "a/web" });
  await pass(store, "C", { endedAt: 15, protocols: ["udp"] });
  assert.deepEqual(store.endedSince(11), [
    { port: 3000, protocols: ["udp"], name: null, endedAt: 15 },
    { port: 3000, protocols: ["tcp"], name: "a/web", endedAt: 20 },
  ]);
});

storeTest("what was committed some seconds ago survives a destroyed header of the log", async (open, path, clock) => {
  const store = await open();
  await store.write(insert(record("A", 3000)));
  clock.advance(5000);
  await store.write(insert(record("B", 3001)));
  const [file, log] = [await Deno.readFile(path), await Deno.readFile(`${path}-wal`)];
  await store.close();
  await Deno.writeFile(path, file);
  await Deno.writeFile(`${path}-wal`, log.fill(0, 0, 32));
  const after = await open();
  assert.equal(after.find(record("A", 3000).id)?.port, 3000);
});

storeTest("while the file is synced nothing is written over the log, and reads go on", async (open, _, clock) => {
  const store = await open();
  await store.write(insert(record("A", 3000)));
  const answered: string[] = [];
  {
    const syncs = new Syncs();
    using _slow = replaceSync(syncs.sync);
    clock.advance(5000);
    await syncs.finish(); // of the log
    const fileSync = await syncs.next();
    const write = store.write(insert(record("B", 3001))).then(() => answered.push("B"));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([store.find(record("A", 3000).id)?.port, store.find(record("B", 3001).id)], [3000, undefined]);
    fileSync();
    await syncs.finish(); // of the log, for what was written
    await write;
  }
  assert.deepEqual(answered, ["B"]);
});

storeTest("while the file is synced nothing of the history is deleted either", async (open, _, clock) => {
  const pause = () => new Promise((resolve) => setImmediate(resolve));
  const store = await open({ turns: () => new Turns({ turnMs: 5, pause }) });
  await pass(store, "B", { endedAt: 1 });
  await pass(store, "C", { endedAt: 3 });
  const endedIds = async () => (await store.history({ limit: 10 })).records.map(({ id }) => id.replace(/^0+/, ""));
  {
    const syncs = new Syncs();
    using _slow = replaceSync(syncs.sync);
    clock.advance(5000);
    await syncs.finish(); // of the log
    const fileSync = await syncs.next();
    const forgotten = store.forget(2, 0);
    for (let i = 0; i < 5; i++) await pause();
    assert.deepEqual(await endedIds(), ["C", "B"]);
    fileSync();
    await forgotten;
  }
  assert.deepEqual(await endedIds(), ["C"]);
});

storeTest("a disk that fails to take the file gets no more; the log still has it all", async (open, path, clock) => {
  const store = await open();
  await store.write(insert(record("A", 3000)));
  const fileBefore = await Deno.readFile(path);
  let syncs = 0;
  {
    using _broken = replaceSync(() =>
      ++syncs === 2 ? Promise.reject(new Error("input/output error")) : Promise.resolve()
    );
    clock.advance(5000);
    const error = await store.write(insert(record("B", 3001))).catch((reason) => reason);
    assert.deepEqual([error.code, error.isCommitted], ["store_unavailable", false]);
    assert.match(error.message, /the disk has failed \(input\/output error\); restart portd/);
  }
  await store.close();
  await Deno.writeFile(`${path}.copy`, fileBefore); // what the disk has kept
  await Deno.copyFile(`${path}-wal`, `${path}.copy-wal`);
  const after = await Store.open(`${path}.copy`, { clock, log() {} });
  assert.deepEqual(after.liveLeases().map(({ port }) => port), [3000]);
});

storeTest("a file of the portd before is taken over: leases, history and the answers to keys", async (open, path) => {
  const [live, ended, other] = ["A", "B", "C"].map((id, i) => record(id, 3000 + i, { name: `a/${id}` }));
  const db = new DatabaseSync(path);
  const migrations = MIGRATIONS.slice(0, MIGRATIONS.findIndex((sql) => sql.includes("keyed_requests")));
  db.exec(`PRAGMA journal_mode = WAL; ${migrations.join("")} PRAGMA user_version = ${migrations.length}`);
  const insertLease = db.prepare(INSERT_LEASE);
  for (const each of [live!, { ...ended!, endedAt: 5 }, other!]) insertLease.run(...toValues(each, null));
  const answer = db.prepare("INSERT INTO requests VALUES (?, 'f', 201, ?, 7)");
  answer.run("one", JSON.stringify(ended));
  answer.run("several", JSON.stringify({ leases: [other, live] }));
  db.close();

  const store = await open();
  assert.deepEqual(store.liveLeases().map(({ id }) => id).sort(), [live!.id, other!.id]);
  assert.deepEqual((await store.history({ limit: 9, name: "B" })).records.map(({ id }) => id), [ended!.id]);
  const kept = (key: string) => store.answer({ caller: "uid:1", key });
  assert.deepEqual(kept("one"), {
    caller: "uid:1",
    key: "one",
    fingerprint: "f",
    status: 201,
    leaseIds: [ended!.id],
  });
  assert.deepEqual(kept("several")?.leaseIds, [other!.id, live!.id]);
  await store.forget(6, 8);
  assert.deepEqual([kept("one"), (await store.history({ limit: 9 })).records], [undefined, []]);
});

storeTest("however much is written at once, it is committed in turns, in its order", async (open) => {
  const store = await open();
  const written: number[] = [];
  const writes = Array.from(
    { length: 2000 },
    (_, i) => store.write(insert(record(String(i), 3000 + i))).then(() => written.push(i)),
  );
  await new Promise((resolve) => setImmediate(resolve)); // the turn of the first commit
  const first = store.liveLeases().length;
  assert.ok(first > 0 && first < 2000, `${first} in one turn`);
  await Promise.all(writes);
  assert.deepEqual(written, Array.from({ length: 2000 }, (_, i) => i));
});

storeTest("transactions, their entries and what could not be written are counted", async (open) => {
  const store = await open();
  const { entries, seconds } = store.commits;
  await Promise.all([store.write(insert(record("A", 3000))), store.write(insert(record("B", 3001))), store.settled()]);
  assert.deepEqual([entries.count, entries.read().sum, seconds.count, store.commits.failed], [1, 2, 1, 0]);
  const refused = store.write(insert(record("C", 3000)));
  const settled = await Promise.allSettled([refused, store.write(insert(record("D", 3003)))]);
  assert.deepEqual(settled.map(({ status }) => status), ["rejected", "fulfilled"]);
  assert.deepEqual([entries.count, entries.read().sum, store.commits.failed], [2, 3, 1]);
  await assert.rejects(store.write(insert(record("E", 3001))));
  assert.deepEqual([entries.count, entries.read().sum, store.commits.failed], [2, 3, 2]);
});
