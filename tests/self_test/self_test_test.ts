/** The self-test as users run it: `portd doctor --self-test`. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { Removal } from "../../src/self_test/artefact.ts";
import type { ItemResult } from "../../src/self_test/self_test.ts";
import { retryUntil } from "../../src/wait.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type Outcome, programFromSource } from "../support/os/installation.ts";

const LIMIT_MS = 60_000, PAUSE_MS = 5;
const ITEMS = ["spawn.eof", "spawn.handles", "bind.matrix", "tables", "process", "store", "run.cmd"];
const isLinux = Deno.build.os === "linux";

/** A machine's folder for temporary files, and portd that uses it. */
async function place() {
  const folder = await temporaryFolder(), [program = "", ...words] = await programFromSource();
  const command = (...args: readonly string[]) =>
    new Deno.Command(program, {
      args: [...words, "doctor", ...args],
      env: { TMPDIR: folder.path, PORTD_URL: "http://127.0.0.1:1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  return {
    names: () => [...Deno.readDirSync(folder.path)].map(({ name }) => name),
    holds: (path: string) => existsSync(`${folder.path}/${path}`),
    start: (...args: readonly string[]) => command(...args).spawn(),
    async run(...args: readonly string[]): Promise<Outcome> {
      const { code, stdout, stderr } = await command(...args).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Command lines of processes in which a text stands. */
function processesWith(text: string): string[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`);
      return line.includes(text) ? [line.replaceAll("\0", " ")] : [];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
      if (error instanceof Error && "code" in error && error.code === "ESRCH") return [];
      throw error;
    }
  });
}

Deno.test(
  "portd doctor --self-test proves every item, names nobody, and leaves nothing",
  { ignore: !isLinux },
  async () => {
    await using machine = await place();
    const { code, stdout, stderr } = await machine.run("--self-test", "--json");
    const { items, ...about }: { readonly items: readonly ItemResult[] } = JSON.parse(stdout || assert.fail(stderr));
    assert.deepEqual(items.map(({ id }) => id), ITEMS);
    assert.deepEqual(items.filter(({ state }) => state !== "ok"), []);
    assert.equal(code, 0);
    assert.deepEqual(Object.keys(about), ["version", "os", "release", "arch", "deno", "isCompiled"]);
    const matrix = items.find(({ id }) => id === "bind.matrix")!.value as Record<string, unknown>;
    assert.ok(matrix.rows as number >= 16, stdout);
    for (const { ms } of items) assert.ok(Number.isInteger(ms) && ms >= 0);
    for (const secret of [Deno.execPath(), Deno.hostname(), "main.ts"]) assert.ok(!stdout.includes(secret), stdout);
    assert.deepEqual(machine.names(), []);
  },
);

Deno.test(
  "without --json the self-test is a table, and --elevated adds nothing here",
  { ignore: !isLinux },
  async () => {
    await using machine = await place();
    const { code, stdout, stderr } = await machine.run("--self-test", "--elevated");
    assert.match(stdout, /^ITEM +STATE +MS +FOUND\n/);
    for (const id of ITEMS) assert.match(stdout, new RegExp(`^${id} +ok +\\d+`, "m"));
    assert.deepEqual([code, stderr], [0, "note: nothing of the self-test takes more rights on linux\n"]);
  },
);

Deno.test(
  "what a killed self-test has left is removed by --cleanup, its processes too",
  { ignore: !isLinux },
  async () => {
    await using machine = await place();
    const run = machine.start("--self-test");
    const first = await retryUntil(() => machine.names().find((each) => machine.holds(`${each}/spawn.eof`)), {
      pauseMs: PAUSE_MS,
      limitMs: LIMIT_MS,
    });
    run.kill("SIGSTOP"); // so that it cannot end before it is killed
    assert.deepEqual(machine.names(), [first]);
    const [name = ""] = machine.names();
    assert.match(name, /^portd-selftest-[0-9a-f]{16}$/);
    const whileItRuns = await machine.run("--self-test", "--cleanup", "--json");
    assert.deepEqual(JSON.parse(whileItRuns.stdout).removals.map(({ state }: Removal) => state), ["in use"]);
    run.kill("SIGKILL");
    await Promise.all([run.status, run.stdout.cancel(), run.stderr.cancel()]);
    assert.deepEqual(machine.names(), [name]);
    const { code, stdout } = await machine.run("--self-test", "--cleanup", "--json");
    assert.deepEqual([code, JSON.parse(stdout)], [0, {
      removals: [{ what: `folder ${name}`, state: "removed", reason: null }],
    }]);
    assert.deepEqual(machine.names(), []);
    const areGone = () => processesWith(name).length === 0;
    assert.ok(await retryUntil(areGone, { pauseMs: PAUSE_MS, limitMs: LIMIT_MS }), processesWith(name).join("\n"));
    assert.equal((await machine.run("--self-test", "--cleanup")).stderr, "nothing is left of an earlier self-test\n");
  },
);

Deno.test("the flags of the self-test are no flags of doctor alone, and its parts are not for users", async () => {
  await using machine = await place();
  for (const flag of ["--elevated", "--cleanup", "--yes"]) {
    const { code, stderr } = await machine.run(flag);
    assert.deepEqual([code, stderr], [
      2,
      "portd: Cannot use --elevated, --cleanup or --yes here: they belong to --self-test\n",
    ]);
  }
  const { code, stderr } = await machine.run("--self-test-part", "nonsense:/");
  assert.deepEqual([code, stderr], [2, 'portd: Cannot use "nonsense:/": only the self-test starts this\n']);
});
