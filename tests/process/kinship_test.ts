/** Orphans and signals of a process, in one of its own. */
import assert from "node:assert/strict";
import { temporaryFolder } from "../support/folder.ts";
import { linuxTest } from "../support/linux_only.ts";

const KINSHIP = new URL("../../src/kinship/open.ts", import.meta.url).href;

/** Adopts an orphan that ends at once, and prints what becomes of it and of a child of Deno's. */
const SOURCE = `
import { openKinship } from ${JSON.stringify(KINSHIP)};
const { processes, orphans, ignoresHangUp } = await openKinship({ adopts: true });
const { stdout } = await new Deno.Command("sh", { args: ["-c", "sleep 0 >/dev/null & echo $!"] }).output();
const orphan = Number(new TextDecoder().decode(stdout));
while (processes.find(orphan) !== undefined);
const adopter = processes.placeOf(orphan)?.parentPid;
orphans.reap(() => false);
const isKept = processes.placeOf(orphan) !== undefined;
orphans.reap((pid) => pid === orphan);
const isReaped = processes.placeOf(orphan) === undefined;
const child = new Deno.Command("sh", { args: ["-c", "exit 5"] }).spawn();
while (processes.find(child.pid) !== undefined);
orphans.reap((pid) => pid === orphan);
const { code } = await child.status;
orphans.reap(() => true); // nobody is left
console.log(JSON.stringify({ isAdopted: adopter === Deno.pid, isKept, isReaped, code, ignoresHangUp }));
`;

async function ask(shell: string): Promise<unknown> {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/main.ts`, SOURCE);
  const args = ["-c", shell, "sh", Deno.execPath(), "run", "--no-config", "--no-lock", "--no-check", "-A"];
  const { stdout, stderr } = await new Deno.Command("sh", { args: [...args, `${folder.path}/main.ts`] }).output();
  const text = new TextDecoder().decode(stdout);
  assert.notEqual(text, "", new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

linuxTest("orphans are adopted and taken note of when they end, and Deno's own children are left to it", async () => {
  const expected = { isAdopted: true, isKept: true, isReaped: true, code: 5 };
  assert.deepEqual(await ask('exec "$@"'), { ...expected, ignoresHangUp: false });
  assert.deepEqual(await ask('trap "" HUP; exec "$@"'), { ...expected, ignoresHangUp: true });
});
