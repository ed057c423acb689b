/** Handles of real processes: whose pid another process has now, and for whose end nobody has waited. */
import assert from "node:assert/strict";
import { openProcessHandle } from "../../src/terminate/open.ts";
import { openLinuxProcesses } from "../support/linux_only.ts";
import type { PidReuse } from "../support/os/pid_reuse.ts";
import { Programs } from "../support/os/programs.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

/** Has a child for whose end it does not wait, and says when the child has ended. */
const NEGLECTFUL = `
import os, subprocess
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
print("ended", flush=True)
input()
`;

osTest("a handle never reaches another process that has the pid later", [linux, root, tools("unshare")], async () => {
  const program = new URL("../support/os/pid_reuse.ts", import.meta.url).pathname;
  const namespace = ["--pid", "--fork", "--kill-child", "--mount-proc"];
  const args = [...namespace, Deno.execPath(), "run", "--no-prompt", "-A", program];
  const { oldPid, newPid, ...outcome } = JSON.parse(await runTool("unshare", args)) as PidReuse;
  assert.equal(newPid, oldPid);
  assert.deepEqual(outcome, { wasOpened: false, hasEnded: true, newOneLives: true });
});

osTest("a process for whose end its parent has not waited has ended", [linux, tools("python3")], async () => {
  await using programs = new Programs(Deno.cwd());
  const { lines } = programs.python(NEGLECTFUL);
  const pid = Number((await lines.next()).value);
  const processes = openLinuxProcesses();
  const handle = openProcessHandle(processes.find(pid)!)!;
  assert.equal(handle.hasEnded(), false);
  handle.terminate();
  assert.equal((await lines.next()).value, "ended");
  assert.match(await Deno.readTextFile(`/proc/${pid}/stat`), /\) Z /);
  assert.equal(handle.hasEnded(), true);
  // Its sockets are closed: that they cannot be seen is not for lack of rights.
  assert.equal(await handle.listensOn({ protocol: "tcp", port: 1 }), false);
  handle.close();
});
