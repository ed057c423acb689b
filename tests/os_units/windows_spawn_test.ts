/** Programs of Windows that run without a window; tests/os/wine_test.ts runs these where there is no Windows. */
import assert from "node:assert/strict";
import { ProgramError, runProgram } from "../../src/os/program.ts";
import { endsWithJob } from "../../src/os/windows/job.ts";
import { openKernel32Spawn } from "../../src/os/windows/kernel32.ts";
import { environmentBlock, spawn, type SpawnedProcess } from "../../src/os/windows/spawn.ts";
import { runTool } from "../../src/os/windows/tool.ts";
import { retryUntil } from "../../src/wait.ts";
import { InheritablePipe } from "../support/windows_handles.ts";

const LIMIT_MS = 120_000;
const FOREVER = "setInterval(() => {}, 1e9)";

Deno.test("the environment of a program is sorted without regard to case, and ends with two NULs", () => {
  const text = String.fromCharCode(...environmentBlock({ b: "1", A: "2=3", "=C:": "C:\\", c: "" }));
  assert.equal(text, "=C:=C:\\\0A=2=3\0b=1\0c=\0\0");
  assert.equal(String.fromCharCode(...environmentBlock({})), "\0\0");
});

/** The words of a program that runs this script. */
function script(text: string): [string, ...string[]] {
  return [Deno.execPath(), "eval", text];
}

function windowsTest(name: string, fn: () => Promise<void>): void {
  if (Deno.build.os === "windows") Deno.test(name, fn);
}

async function exitCodeOf(child: SpawnedProcess): Promise<number> {
  const ended = await retryUntil(() => child.exitCode !== undefined && { code: child.exitCode }, { pauseMs: 10 });
  return ended!.code;
}

windowsTest("a tool has its output, its exit code and an empty stdin", async () => {
  const text = `console.log("a b".repeat(50_000), (await new Response(Deno.stdin.readable).text()).length);
    console.error("oh"); Deno.exit(3)`;
  const outcome = await runProgram([Deno.execPath()], ["eval", text], { timeoutMs: LIMIT_MS, intent: "try" });
  assert.deepEqual(outcome, { code: 3, stdout: `${"a b".repeat(50_000)} 0\n`, stderr: "oh\n" });
});

windowsTest("a tool that does not end, and one that prints without end, are ended", async () => {
  const kernel32 = openKernel32Spawn();
  const ended: number[] = [];
  const watched: typeof kernel32 = {
    ...kernel32,
    TerminateProcess: (handle, code) => ended.push(kernel32.TerminateProcess(handle, code)) && ended.at(-1)!,
  };
  assert.equal(await runTool(script(FOREVER), { timeoutMs: 1 }, watched), undefined);
  const endless = script(`for (;;) console.log("x".repeat(10_000))`);
  await assert.rejects(runTool(endless, { timeoutMs: LIMIT_MS }, watched), RangeError);
  assert.deepEqual(ended, [1, 1]);
  const late = runProgram(script(FOREVER), [], { timeoutMs: 1, intent: "wait" });
  await assert.rejects(
    late,
    /^ProgramError: Cannot wait: .*deno\.exe did not answer within 0\.001 seconds and was ended$/,
  );
});

windowsTest("a program that is not there is an error that says so", async () => {
  const missing = runProgram(["C:\\nowhere.exe"], [], { timeoutMs: LIMIT_MS, intent: "look" });
  await assert.rejects(missing, new ProgramError("look", "C:\\nowhere.exe is not installed"));
});

windowsTest("a program gets its folder, its environment and its words", async () => {
  const path = await Deno.makeTempFile();
  const text = `Deno.writeTextFileSync(Deno.args[0], JSON.stringify([Deno.cwd(), Deno.env.get("SHOP"), Deno.args]))`;
  const words = [...script(text), path, 'a "b" \\', ""] as [string, ...string[]];
  const env = { ...Deno.env.toObject(), SHOP: "web ö" };
  using child = await spawn({ words, cwd: "C:\\windows", env, leavesJob: true }, openKernel32Spawn());
  assert.equal(await exitCodeOf(child), 0);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), ["C:\\windows", "web ö", words.slice(3)]);
  await Deno.remove(path);
});

windowsTest("a program inherits no handle that is not named", async () => {
  using pipe = new InheritablePipe();
  using child = await spawn({ words: script(FOREVER) }, openKernel32Spawn());
  assert.equal(pipe.isOpenElsewhere(), false);
  assert.equal(child.exitCode, undefined, "it runs");
  child.end();
  assert.equal(await exitCodeOf(child), 1);
});

windowsTest("a program that is started in the usual way inherits every inheritable handle", async () => {
  using pipe = new InheritablePipe();
  const [program, ...args] = script(FOREVER);
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  assert.equal(pipe.isOpenElsewhere(), true);
  child.kill();
  await child.status;
});

windowsTest("a program leaves the job of its starter where that allows it, and else runs in it", async () => {
  const file = new URL("../support/windows_job.ts", import.meta.url).href;
  const isInJob = async (kind: string) => {
    const args = ["run", "--no-prompt", "-A", "--no-check", "--cached-only", file, kind];
    const { code, stdout, stderr } = (await runTool([Deno.execPath(), ...args], { timeoutMs: LIMIT_MS }))!;
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  assert.equal(await isInJob("leavable"), false);
  assert.equal(await isInJob("strict"), true);
});

// Wine's kernel does not say the limits of a job.
Deno.test("a process ends with its job where that has the limit KILL_ON_JOB_CLOSE", () => {
  const withLimits = (flags: number, answer = 1) =>
    endsWithJob({
      QueryInformationJobObject(job, information, limits, size) {
        assert.deepEqual([job, information, size], [null, 9, 144]);
        (limits as DataView).setUint32(16, flags, true);
        return answer;
      },
    });
  assert.equal(withLimits(0x2000 | 0x800), true);
  assert.equal(withLimits(0x800), false);
  assert.equal(withLimits(0, 0), false, "it has no job");
});
