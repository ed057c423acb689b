import assert from "node:assert/strict";
import { PortdError } from "../../src/errors.ts";
import { endListeners, type Listener } from "../../src/terminate/freeing.ts";
import type { ProcessHandle } from "../../src/terminate/handle.ts";

const PORT = 20417;
const listener = (pid: number): Listener => ({ pid, startTime: "1", bootId: "b", protocols: ["tcp"] });

/** Processes that end on TERM, and what was done with them. */
function fakeProcesses(changes: Partial<ProcessHandle> = {}) {
  const done: string[] = [];
  const open = ({ pid }: { readonly pid: number }): ProcessHandle => {
    let hasEnded = false;
    return {
      pid,
      describe: () => ({ command: `server ${pid}`, cwd: null, user: null }),
      terminate() {
        done.push(`TERM ${pid}`);
        hasEnded = true;
        return "TERM";
      },
      kill: () => void done.push(`KILL ${pid}`),
      hasEnded: () => hasEnded,
      listensOn: () => Promise.resolve(true),
      close: () => void done.push(`close ${pid}`),
      ...changes,
    };
  };
  return { open, done };
}

const isKept = (error: unknown) => error instanceof PortdError && error.code === "process_kept";

Deno.test("endListeners() ends each, and gives the handles back", async () => {
  const { open, done } = fakeProcesses();
  assert.deepEqual(await endListeners([listener(7), listener(8)], PORT, open), [
    { pid: 7, command: "server 7", signal: "TERM" },
    { pid: 8, command: "server 8", signal: "TERM" },
  ]);
  assert.deepEqual(done, ["TERM 7", "TERM 8", "close 7", "close 8"]);
});

Deno.test("endListeners() ends none where one has ended, or is not seen to listen", async () => {
  for (const answer of [false, undefined]) {
    const { open, done } = fakeProcesses();
    const second = fakeProcesses({ listensOn: () => Promise.resolve(answer) });
    const mixed = (identity: Listener) => identity.pid === 7 ? open(identity) : second.open(identity);
    await assert.rejects(endListeners([listener(7), listener(8)], PORT, mixed as typeof open), isKept);
    assert.deepEqual([done, second.done], [["close 7"], ["close 8"]]);
  }
  const { open, done } = fakeProcesses();
  const gone = (identity: Listener) => identity.pid === 7 ? open(identity) : undefined;
  await assert.rejects(endListeners([listener(7), listener(8)], PORT, gone as typeof open), isKept);
  assert.deepEqual(done, ["close 7"]);
});

Deno.test("endListeners() says so where the daemon may not end a process", async () => {
  const refuse = () => {
    throw new Deno.errors.PermissionDenied("Cannot end pid 7: it runs as root");
  };
  const { open } = fakeProcesses({ terminate: refuse });
  await assert.rejects(endListeners([listener(7)], PORT, open), isKept);
});
