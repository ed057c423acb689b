/** Telling Ctrl-C from a kill, in a process group of our own making. */
import assert from "node:assert/strict";
import { temporaryFolder } from "../../support/folder.ts";

const WITNESS = new URL("../../../src/cli/run/group_witness.ts", import.meta.url).href;

const SOURCE = `
import { GroupWitness } from ${JSON.stringify(WITNESS)};
const witness = new GroupWitness();
Deno.addSignalListener("SIGINT", async () => console.log(await witness.hasSeen("SIGINT")));
Deno.addSignalListener("SIGTERM", () => { witness[Symbol.dispose](); Deno.exit(); });
setInterval(() => {}, 60_000);
console.log("ready");
`;

Deno.test("a witness has seen the signal of a whole group, again and again, and not that of one process", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/main.ts`, SOURCE);
  const options: Deno.CommandOptions & { detached: boolean } = {
    args: ["run", "--no-config", "--no-lock", "-A", `${folder.path}/main.ts`],
    stdin: "null",
    stdout: "piped",
    detached: true, // a group of its own, so that the signal does not reach the tests
  };
  const process = new Deno.Command(Deno.execPath(), options).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const next = async () => (await lines.read()).value;
  assert.equal(await next(), "ready\n");
  for (const [pid, expected] of [[-process.pid, true], [process.pid, false], [-process.pid, true]] as const) {
    Deno.kill(pid, "SIGINT");
    assert.equal(await next(), `${expected}\n`);
  }
  process.kill("SIGTERM");
  assert.equal((await process.status).code, 0);
  await lines.cancel();
});
