/** `store`: what the file of leases needs of the disk, in the folder for temporary files. */
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { Store } from "../lease/store/store.ts";
import { prepareStateFolder } from "../state/claimed_folder.ts";
import { type Item, type Outcome, verdict } from "./self_test.ts";

/** A name and the port that it had last: the smallest change of the file. */
const NAME = "self-test", PORT = 1;

/** Who may open a folder, as the system writes it: a mode, or SDDL. */
export type DescribeAccess = (folder: string) => string;

/** The item. */
export function storeItem(describeAccess: DescribeAccess): Item {
  return {
    id: "store",
    does: "make a state folder, write to a file of leases, rename and link files in it",
    run: (folder) => testStore(join(folder, "state"), describeAccess),
  };
}

async function testStore(folder: string, describeAccess: DescribeAccess): Promise<Outcome> {
  prepareStateFolder(folder);
  const objections: string[] = [], value: Record<string, unknown> = { access: describeAccess(folder) };
  const measure = async (name: string, work: () => void | Promise<void>) => {
    const start = performance.now();
    try {
      await work();
      value[name] = `${Math.round(performance.now() - start)} ms`;
    } catch (error) {
      value[name] = messageOf(error);
      objections.push(`${name} failed: ${messageOf(error)}`);
    }
  };
  await measure("write", () => writeDurably(join(folder, "leases.db")));
  await measure("rename over an open file", () => {
    const [from, to] = [join(folder, "new"), join(folder, "old")];
    Deno.writeTextFileSync(to, "old");
    Deno.writeTextFileSync(from, "new");
    using _ = Deno.openSync(to);
    Deno.renameSync(from, to);
  });
  await measure("hard link", () => Deno.linkSync(join(folder, "old"), join(folder, "link")));
  return verdict(objections, value);
}

/** One change on the disk, and read again by a second opening. */
async function writeDurably(path: string): Promise<void> {
  const options = { clock: systemClock(), log: () => {} };
  const store = await Store.open(path, options);
  try {
    await store.write([{ kind: "name", name: NAME, port: PORT }]);
  } finally {
    await store.close();
  }
  const again = await Store.open(path, options);
  try {
    if (again.names().get(NAME) !== PORT) throw new Error("what was written is not there after the file was closed");
  } finally {
    await again.close();
  }
}
