/** Who may ask again for a live name. */
import assert from "node:assert/strict";
import { PortdError } from "../../src/errors.ts";
import { checkSameHolder } from "../../src/lease/holder.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import type { GrantRequest } from "../../src/lease/wish.ts";
import type { Processes } from "../../src/process/process.ts";
import { FakeMachine } from "../support/machine.ts";

/** Processes of which these run. */
function running(...pids: number[]): Processes {
  const machine = new FakeMachine();
  for (const pid of pids) machine.start(pid, { startTime: String(pid), bootId: "b", command: "vite" });
  return machine.parts().processes;
}

const WRAPPER = 10, SERVER = 11, OTHER = 20;
const RECORD = {
  name: "shop/web",
  project: "shop",
  port: 20417,
  protocols: ["tcp"],
  state: "listening",
  holder: { id: "cli:/shop", pid: WRAPPER, startTime: "10", bootId: "b", command: "portd run web -- vite" },
  lifetime: { kind: "process", graceMs: 0 },
  listener: { pid: SERVER, startTime: "11", bootId: "b", command: "vite", address: "127.0.0.1" },
} as unknown as LeaseRecord;

function refusalOf(pid: number | null, processes: Processes, record = RECORD): string | undefined {
  const wishes = [{ name: "shop/web", protocols: ["tcp"] }];
  const request = { wishes, project: "shop", holder: { id: "cli:/shop" }, pid } as unknown as GrantRequest;
  try {
    checkSameHolder(record, request, processes);
  } catch (error) {
    if (error instanceof PortdError && error.code === "name_taken") return error.message;
    throw error;
  }
}

Deno.test("another process does not get a name with which a process of the holder runs", () => {
  const refusal = refusalOf(OTHER, running(WRAPPER, SERVER, OTHER));
  assert.match(refusal ?? "", /on port 20417; process 10 \(portd run web -- vite\) uses it$/);
  assert.equal(refusalOf(WRAPPER, running(WRAPPER, SERVER)), undefined);
  assert.equal(refusalOf(null, running(WRAPPER, SERVER)), undefined);
});

Deno.test("another process does not get a name on whose port a server listens that the holder's process has left", () => {
  const refusal = refusalOf(OTHER, running(SERVER, OTHER));
  assert.match(refusal ?? "", /on port 20417; process 11 \(vite\), which its holder started, listens there$/);
  assert.equal(refusalOf(SERVER, running(SERVER)), undefined, "the server may ask for itself");
  assert.equal(refusalOf(OTHER, running(OTHER)), undefined, "the server has ended since the last look");
  assert.equal(refusalOf(OTHER, running(SERVER, OTHER), { ...RECORD, state: "conflict" }), undefined);
});
