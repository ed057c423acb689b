/** Programs of Windows that run without a window; tests/os/wine_test.ts runs these where there is no Windows. */
import assert from "node:assert/strict";
import { ProgramError, runProgram } from "../../src/os/program.ts";
import { endsWithJob } from "../../src/os/windows/job.ts";
import { openKernel32Spawn } from "../../src/os/windows/kernel32.ts";
import { InputPipe, type PipeCalls } from "../../src/os/windows/pipes.ts";
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

/** Prints how much it has read, and its hash: a byte that is lost or twice there changes it. */
const DIGEST = `const bytes = new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
  console.log(bytes.length, new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex());`;

windowsTest("a tool reads its input to the end, also one that fits in no pipe", async () => {
  for (const length of [1, 65_536, 65_537, 3_000_000]) {
    const input = "portd ö\n".repeat(length).slice(0, length), bytes = new TextEncoder().encode(input);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    const outcome = await runProgram(script(DIGEST), [], { input, timeoutMs: LIMIT_MS, intent: "try" });
    assert.deepEqual(outcome, { code: 0, stdout: `${bytes.length} ${hash}\n`, stderr: "" });
  }
});

windowsTest("a tool that does not read its input ends by itself, or after its time", async () => {
  const input = "x".repeat(3_000_000);
  assert.equal((await runTool(script("Deno.exit(4)"), { input, timeoutMs: LIMIT_MS }))!.code, 4);
  assert.equal(await runTool(script(FOREVER), { input, timeoutMs: 1 }), undefined);
});

/** A pipe in memory with room for so many bytes, which refuses a part that does not fit. */
class FakePipe {
  readonly closed: bigint[] = [];
  text = "";
  isRead = true;
  #queued = 0;

  constructor(readonly room: number) {}

  readonly calls: PipeCalls = {
    CreatePipe(reader, writer) {
      (reader as BigUint64Array)[0] = 1n;
      (writer as BigUint64Array)[0] = 2n;
      return 1;
    },
    CloseHandle: (handle) => this.closed.push(BigInt(Deno.UnsafePointer.value(handle))),
    PeekNamedPipe: () => 0,
    ReadFile: () => 0,
    SetHandleInformation: () => 1,
    SetNamedPipeHandleState: (_handle, mode) => Number((mode as Uint32Array)[0] === 1),
    WriteFile: (_handle, part, size, written) => {
      if (!this.isRead) return 0;
      if (this.#queued + size > this.room) return 1;
      this.#queued += size;
      this.text += new TextDecoder().decode(part as Uint8Array<ArrayBuffer>);
      (written as Uint32Array)[0] = size;
      return 1;
    },
  };

  /** The program reads all that is there. */
  empty(): void {
    this.#queued = 0;
  }
}

Deno.test("what fits in a pipe is in it, with its end, before a program starts", () => {
  const pipe = new FakePipe(65_536), text = "a".repeat(65_536);
  using input = new InputPipe(text, pipe.calls);
  assert.equal(pipe.text, text);
  assert.deepEqual(pipe.closed, [2n]);
  input.closeReader();
  assert.deepEqual(pipe.closed, [2n, 1n]);
});

Deno.test("more than fits in a pipe is written when there is room, never more than that at once", () => {
  const pipe = new FakePipe(10_000), text = Array.from({ length: 5000 }, (_, i) => String(i % 10_000)).join(" ");
  using input = new InputPipe(text, pipe.calls);
  const lengths = [pipe.text.length];
  input.feed();
  assert.equal(pipe.text.length, lengths[0], "nobody has read");
  for (; !pipe.closed.includes(2n) && lengths.length < 100; lengths.push(pipe.text.length)) {
    pipe.empty();
    input.feed();
  }
  assert.equal(pipe.text, text);
  assert.deepEqual(lengths, [8192, 16_384, text.length]);
});

Deno.test("a pipe from which nobody reads any more is closed, and nothing is closed twice", () => {
  const pipe = new FakePipe(0);
  {
    using input = new InputPipe("x", pipe.calls);
    input.closeReader();
    pipe.isRead = false;
    input.feed();
    input.feed();
  }
  assert.deepEqual(pipe.closed, [1n, 2n]);
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
