import assert from "node:assert/strict";
import { openFreeing } from "../../src/daemon/freeing.ts";
import { PortdError } from "../../src/errors.ts";
import type { PortDescription, PortSocket } from "../../src/inspect/description.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import type { Listener } from "../../src/terminate/freeing.ts";

const PORT = 20417;
const RECORD = { id: "01", port: PORT, protocols: ["tcp"] } as unknown as LeaseRecord;
const SERVER = { pid: 4711, startTime: "99", bootId: "b" } as const;

function socket(changes: Partial<PortSocket> = {}): PortSocket {
  return { protocol: "tcp", localPort: PORT, ofHolder: true, ...SERVER, ...changes } as PortSocket;
}

/** A daemon over these listeners; those that are ended do not listen any more. */
function open(sockets: readonly PortSocket[], restarted: readonly PortSocket[] = []) {
  let listeners = sockets;
  const ended: Listener[] = [], released: string[] = [];
  const freeing = openFreeing({
    registry: {
      live: () => RECORD,
      end: (id) => {
        released.push(id);
        return Promise.resolve();
      },
    },
    ports: { describe: () => Promise.resolve({ listeners } as PortDescription) },
    endListeners(each) {
      ended.push(...each);
      listeners = restarted;
      return Promise.resolve(each.map(({ pid }) => ({ pid, command: "node", signal: "TERM" })));
    },
  });
  return { freeing, ended, released };
}

const isKept = (error: unknown) => error instanceof PortdError && error.code === "process_kept";

Deno.test("free() ends the approved listeners of the holder and releases the lease", async () => {
  const { freeing, ended, released } = open([socket(), socket({ localAddress: "::1" })]);
  assert.deepEqual(await freeing.free("01", [SERVER]), [{ pid: 4711, command: "node", signal: "TERM" }]);
  assert.deepEqual(ended, [{ ...SERVER, protocols: ["tcp"] }]);
  assert.deepEqual(released, ["01"]);
});

Deno.test("free() releases a lease on which nobody listens", async () => {
  const { freeing, ended, released } = open([]);
  assert.deepEqual(await freeing.free("01", [SERVER]), []);
  assert.deepEqual([ended, released], [[], ["01"]]);
});

for (
  const [name, listener, approved] of [
    ["does not belong to the holder", socket({ ofHolder: false }), [SERVER]],
    ["was not approved", socket(), []],
    ["has the pid of an approved one and started later", socket({ startTime: "100" }), [SERVER]],
    ["has the pid of an approved one of another boot", socket({ bootId: "c" }), [SERVER]],
    ["cannot be seen", socket({ pid: null }), [SERVER]],
    ["is the system's first", socket({ pid: 1 }), [{ ...SERVER, pid: 1 }]],
    ["is portd itself", socket({ pid: Deno.pid }), [{ ...SERVER, pid: Deno.pid }]],
  ] as const
) {
  Deno.test(`free() ends nothing where a listener ${name}`, async () => {
    const { freeing, ended, released } = open([socket(), listener]);
    await assert.rejects(freeing.free("01", approved), isKept);
    assert.deepEqual([ended, released], [[], []]);
  });
}

Deno.test("free() keeps the lease where the server is started again", async () => {
  const { freeing, ended, released } = open([socket()], [socket({ pid: 4712 })]);
  await assert.rejects(freeing.free("01", [SERVER]), isKept);
  assert.deepEqual([ended.length, released], [1, []]);
});

Deno.test("free() leaves listeners of another protocol alone", async () => {
  const { freeing, ended, released } = open([socket({ protocol: "udp", ofHolder: null, pid: 9 })]);
  await freeing.free("01", []);
  assert.deepEqual([ended, released], [[], ["01"]]);
});

Deno.test("free() ends nothing where the lease has ended while the port was looked at", async () => {
  const ended: Listener[] = [], released: string[] = [];
  let isLive = true;
  const freeing = openFreeing({
    registry: {
      live() {
        if (!isLive) throw new PortdError("lease_ended", "Cannot use the lease: it has ended");
        return RECORD;
      },
      end: (id) => Promise.resolve(void released.push(id)),
    },
    ports: {
      describe() {
        isLive = false;
        return Promise.resolve({ listeners: [socket()] as readonly PortSocket[] } as PortDescription);
      },
    },
    endListeners(each) {
      ended.push(...each);
      return Promise.resolve([]);
    },
  });
  await assert.rejects(freeing.free("01", [SERVER]), { code: "lease_ended" });
  assert.deepEqual([ended, released], [[], []]);
});
