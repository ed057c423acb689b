/** What a shell proposes. tests/os/completions_test.ts has the shells themselves. */
import assert from "node:assert/strict";
import { commandTest } from "../support/command_setting.ts";

/** The proposals for the last of the words, without what they are. */
function proposer(
  run: (
    args: readonly string[],
  ) => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>,
) {
  return async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await run(["__complete", ...words]);
    assert.deepEqual([code, stderr], [0, ""]);
    return stdout.split("\n").filter((line) => line !== "").map((line) => line.split("\t")[0]!);
  };
}

commandTest("commands, flags and the values of flags are proposed, each with what it is", async ({ run }) => {
  const propose = proposer(run);
  assert.deepEqual(await propose("re"), ["release", "renew"]);
  assert.deepEqual(await propose("inspect", "--no"), ["--no-start"]);
  assert.deepEqual(await propose("ls", "--state", "l"), ["listening"]);
  assert.deepEqual(await propose("firewall", "p"), ["plan"]);
  assert.ok((await propose("")).includes("lease"));
  assert.match((await run(["__complete", "lea"])).stdout, /^lease\tLease a port and print it\n$/);
});

commandTest("fields are proposed behind --json, also after a comma", async ({ run, cwd }) => {
  const propose = proposer(run);
  assert.deepEqual(await propose("ls", "--json", "na"), ["name"]);
  assert.deepEqual(await propose("ls", "--json", "name,p"), ["name,project", "name,port", "name,protocols"]);
  assert.deepEqual(await propose("ls", "--json", "name,port,p"), ["name,port,project", "name,port,protocols"]);
  assert.deepEqual(await propose("ls", "--json=port,na"), ["--json=port,name"]);
  assert.deepEqual(await propose("gateway", "list", "--json", "sta"), ["state"]);
  assert.deepEqual(await propose("ls", "--json", "name,port", "--proj"), ["--project"]);
  assert.deepEqual(await propose("export", "--json="), []);
  await Deno.writeTextFile(`${cwd}/portd.yaml`, 'services: { web: { env: WEB } }\nvalues: { WHO: "a" }\n');
  assert.deepEqual(await propose("env", "--json", "W"), ["WEB", "WHO"]);
});

commandTest(
  "live names, ports and labels are proposed: this project's by the short name too",
  async ({ daemon, run, cwd }) => {
    const propose = proposer(run);
    const lifetime = { kind: "pinned" } as const, labels = { job: "17" };
    const own = { project: "shop", holder: { id: `cli:${cwd}`, cwd } };
    const { port } = await daemon.grant({ name: "web", ...own, lifetime, labels });
    await daemon.grant({ name: "wiki", project: "blog", lifetime });
    assert.deepEqual(await propose("inspect", "w"), ["web"]);
    assert.deepEqual(await propose("inspect", "b"), ["blog/wiki"]);
    assert.deepEqual(await propose("free", "shop/"), ["shop/web"]);
    assert.ok((await propose("free", String(port).slice(0, 3))).includes(String(port)));
    assert.deepEqual(await propose("ls", "--label", "j"), ["job=17"]);
  },
);

commandTest("the services of portd.yaml are proposed, and none of a file that cannot be used", async ({ run, cwd }) => {
  const propose = proposer(run);
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services: { web: , worker: , api: }");
  assert.deepEqual(await propose("lease", "w"), ["web", "worker"]);
  assert.deepEqual(await propose("run", "web", "a"), ["api"]);
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services: [");
  assert.deepEqual(await propose("lease", "w"), []);
});

commandTest("what a daemon says reaches no shell but as a plain word", async ({ daemon, run }) => {
  await daemon.grant({ labels: { note: "$(reboot) `x`" }, lifetime: { kind: "pinned" } });
  assert.deepEqual(await proposer(run)("ls", "--label", "n"), []);
});

commandTest("behind -- another program's words stand, and of an unknown command nothing is known", async ({ run }) => {
  const propose = proposer(run);
  assert.deepEqual(await propose("run", "web", "--", "n"), []);
  assert.deepEqual(await propose("nonsense", "x"), []);
  assert.deepEqual(await propose("constructor", ""), []);
});

commandTest("portd completions prints the script of a shell, and refuses another", async ({ run }) => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    assert.match((await run(["completions", shell])).stdout, /__complete/);
  }
  const { code, stderr } = await run(["completions", "csh"]);
  assert.deepEqual([code, stderr], [
    2,
    'portd: Cannot complete for "csh": must be "bash" or "zsh" or "fish" or "powershell"\n',
  ]);
});
