import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { StoreLockedError } from "../../src/store/open.ts";
import type { LeaseRecord } from "../../src/store/record.ts";
import { Store } from "../../src/store/store.ts";
import { FakeClock } from "../support/clock.ts";
import { temporaryFolder } from "../support/folder.ts";

function record(id: string, port: number, part: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    id: id.padStart(26, "0"),
    version: 0,
    name: null,
    project: null,
    port,
    protocols: ["tcp"],
    state: "granted",
    holder: { id: "test", pid: null, startTime: null, bootId: null, command: null, cwd: null, user: null },
    lifetime: { kind: "pinned" },
    hold: "soft",
    labels: {},
    owner: null,
    listener: null,
    exposure: null,
    claimed: false,
    grantedAt: 1,
    renewedAt: 1,
    endedAt: null,
    deadline: null,
    bootId: "boot",
    ...part,
  };
}

const insert = (lease: LeaseRecord) => [{ kind: "insert", record: lease }] as const;

async function withStore(use: (open: () => Promise<Store>, path: string) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/leases.db`;
  await use(() => Store.open(path, { clock: new FakeClock(), log() {} }), path);
}

Deno.test("what write() has answered is there when the file is opened again", async () => {
  await withStore(async (open) => {
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
    await again.close();
  });
});

Deno.test("the file itself refuses a second live lease of a port, and the rest of the group is kept", async () => {
  await withStore(async (open) => {
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
    await store.close();
  });
});

Deno.test("a group that was refused whole does not hold up what comes after it", async () => {
  await withStore(async (open) => {
    const store = await open();
    await assert.rejects(store.write([{ kind: "update", record: record("A", 3000) }]), { code: "store_unavailable" });
    await store.settled();
    await store.write(insert(record("B", 3000)));
    assert.equal(store.liveLeases().length, 1);
    await store.close();
  });
});

/** Puts another fdatasync in the place of the disk's, for as long as it is used. */
function replaceSync(sync: () => Promise<void>): Disposable {
  const original = Deno.FsFile.prototype.syncData;
  Deno.FsFile.prototype.syncData = sync;
  return {
    [Symbol.dispose]() {
      Deno.FsFile.prototype.syncData = original;
    },
  };
}

Deno.test("write() answers nothing before the disk has it, and asks the disk once for what has come meanwhile", async () => {
  await withStore(async (open) => {
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
    await store.close();
  });
});

Deno.test("a disk that fails after the commit is told apart from one that took nothing", async () => {
  await withStore(async (open) => {
    const store = await open();
    {
      using _broken = replaceSync(() => Promise.reject(new Error("input/output error")));
      const error = await store.write(insert(record("A", 3000))).catch((reason) => reason);
      assert.deepEqual([error.code, error.isCommitted], ["store_unavailable", true]);
    }
    const refused = await store.write(insert(record("B", 3000))).catch((reason) => reason);
    assert.deepEqual([refused.code, refused.isCommitted], ["store_unavailable", false]);
    await store.write(insert(record("C", 3001)));
    await store.close();
  });
});

Deno.test("a change of a lease that is not there is refused", async () => {
  await withStore(async (open) => {
    const store = await open();
    await assert.rejects(store.write([{ kind: "update", record: record("A", 3000) }]), { code: "store_unavailable" });
    await store.close();
  });
});

Deno.test("a second store on the same file is refused while the first is open", async () => {
  await withStore(async (open) => {
    const store = await open();
    await assert.rejects(open(), StoreLockedError);
    await store.write(insert(record("A", 3000)));
    await store.close();
    const next = await open();
    assert.equal(next.liveLeases().length, 1);
    await next.close();
  });
});

Deno.test("of stores that open a new file at the same instant one wins, and nobody calls the file damaged", async () => {
  await withStore(async (open, path) => {
    const results = await Promise.allSettled(Array.from({ length: 5 }, open));
    const won = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
    assert.equal(won.length, 1);
    for (const result of results) assert.ok(result.status === "fulfilled" || result.reason instanceof StoreLockedError);
    assert.equal(won[0]!.setAside, null);
    await won[0]!.write(insert(record("A", 3000)));
    await won[0]!.close();
    const names = [...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))].map(({ name }) => name);
    assert.deepEqual(names, ["leases.db"]);
  });
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
  Deno.test(`a file that was ${name} is set aside whole and a new one begun`, async () => {
    await withStore(async (open, path) => {
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
      await next.close();
    });
  });
}

Deno.test("a file of a newer portd is refused and left alone", async () => {
  await withStore(async (open, path) => {
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
});

Deno.test("the history and the answers are bounded: the oldest make room, also after the file is opened again", async () => {
  await using folder = await temporaryFolder();
  const open = () =>
    Store.open(`${folder.path}/leases.db`, { clock: new FakeClock(), log() {}, mostEnded: 3, mostAnswers: 2 });
  const end = async (store: Store, id: string, endedAt: number) => {
    const answer = { key: id, fingerprint: "f", status: 201, body: "{}" };
    await store.write([...insert(record(id, 3000)), { kind: "answer", answer }]);
    await store.write([{ kind: "end", record: record(id, 3000, { state: "released", endedAt }) }]);
  };
  let store = await open();
  for (const [i, id] of ["A", "B", "C", "D"].entries()) await end(store, id, 10 + i);
  const kept = () => store.history({ limit: 10 }).map(({ id }) => id.slice(-1));
  assert.deepEqual(kept(), ["D", "C", "B"]);
  await store.close();
  store = await open();
  await end(store, "E", 20);
  assert.deepEqual(kept(), ["E", "D", "C"]);
  assert.equal(["A", "B", "C", "D", "E"].filter((key) => store.answer(key) !== undefined).length, 2);
  await store.close();
});

Deno.test("history() shows ended leases newest first, and forget() removes the oldest", async () => {
  await withStore(async (open) => {
    const store = await open();
    for (const [id, endedAt] of [["A", 10], ["B", 20], ["C", 30]] as const) {
      await store.write(insert(record(id, 3000)));
      await store.write([{ kind: "end", record: record(id, 3000, { state: "expired", endedAt }) }]);
    }
    const ids = () => store.history({ limit: 10 }).map(({ id }) => id.slice(-1));
    assert.deepEqual(ids(), ["C", "B", "A"]);
    assert.deepEqual(store.endedSince(20).map(({ id }) => id.slice(-1)), ["B", "C"]);
    store.forget(20, 0);
    assert.deepEqual(ids(), ["C", "B"]);
    await store.close();
  });
});
