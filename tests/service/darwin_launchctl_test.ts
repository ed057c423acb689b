/** What launchctl says, in the words of several macOS. */
import assert from "node:assert/strict";
import { isDisabled, parsePrint } from "../../src/service/darwin/launchctl.ts";

const print = (name: string) =>
  Deno.readTextFile(new URL(`../testdata/darwin/launchctl_print_${name}.txt`, import.meta.url));

Deno.test("parsePrint() reads a job that runs, and nothing of the blocks below it", async () => {
  const running = parsePrint(await print("running"));
  assert.deepEqual(running, { state: "running", pid: 812, exitCode: null, wasKilled: false, runs: 1 });
});

Deno.test("parsePrint() reads how a job has ended", async () => {
  const failed = parsePrint(await print("failed"));
  assert.deepEqual(failed, { state: "spawn scheduled", pid: null, exitCode: 78, wasKilled: false, runs: 4 });
  const killed = parsePrint(await print("killed"));
  assert.deepEqual(killed, { state: "not running", pid: null, exitCode: null, wasKilled: true, runs: 2 });
});

Deno.test("parsePrint() reads the job's own lines, also where newer macOS prints more of them", () => {
  const text =
    "gui/501/portd = {\n\tactive count = 1\n\tstate = running\n\tevent triggers = {\n\t\tx => {\n\t\t\tstate = 1\n" +
    "\t\t}\n\t}\n\truns = 2\n\tpid = 913\n\tlast exit code = 0\n\tlast terminating signal = Terminated: 15\n" +
    "\tjob state = running\n\tproperties = keepalive\n}\n";
  assert.deepEqual(parsePrint(text), { state: "running", pid: 913, exitCode: 0, wasKilled: true, runs: 2 });
});

Deno.test("parsePrint() takes what it does not understand as not said", () => {
  const nothing = { state: "", pid: null, exitCode: null, wasKilled: false, runs: null };
  for (const text of ["", "system/portd = {\n}", "\tpid = many\n\tlast exit code = (unknown)\n"]) {
    assert.deepEqual(parsePrint(text), nothing);
  }
});

Deno.test("isDisabled() knows the words of old and new macOS, and one label from another", () => {
  const lists = {
    '\tdisabled services = {\n\t\t"com.apple.ftpd" => disabled\n\t\t"portd" => disabled\n\t}\n': true,
    '\tdisabled services = {\n\t\t"com.apple.ftpd" => true\n\t\t"portd" => true\n\t}\n': true,
    '\tdisabled services = {\n\t\t"portd" => enabled\n\t}\n': false,
    '\tdisabled services = {\n\t\t"portd" => false\n\t\t"portd.other" => true\n\t\t"my.portd" => disabled\n\t}\n':
      false,
    "": false,
  };
  for (const [text, answer] of Object.entries(lists)) assert.equal(isDisabled(text, "portd"), answer, text);
});
