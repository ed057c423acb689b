/** The client where others use it: in a project of their own, which knows nothing of this one's deno.json. */
import assert from "node:assert/strict";
import { temporaryFolder } from "../support/folder.ts";

const CLIENT = new URL("../../src/client/client.ts", import.meta.url);
const LEASE = new URL("../../src/library/lease.ts", import.meta.url);
const LIBRARY = new URL("../../src/library/portd.ts", import.meta.url);

/** The example in the documentation of a module. */
function exampleOf(text: string): string {
  const [, lines] = /^ \* @example\n \* ```ts\n((?: \*.*\n)*?) \* ```$/m.exec(text) ?? [];
  assert.ok(lines !== undefined, "there is no example");
  return lines.replaceAll(/^ \* ?/gm, "");
}

Deno.test("the examples of client and library resolve, and type-check outside of this repository with Deno's defaults", async () => {
  const example = exampleOf(await Deno.readTextFile(CLIENT));
  assert.match(example, /^import \{ PortdClient \} from "\.\/client\.ts";$/m);
  await using folder = await temporaryFolder();
  const calls = `
    for await (const event of portd.events()) if ("lease" in event) console.log(event.lease.holder.pid);
    const [listed]: readonly string[] = (await portd.listAll({ label: "job=17" })).map(({ id }) => id);
    const lines: string[] = (await portd.describePort(80)).services.map(({ name }) => name);
    console.log(listed, lines, (await portd.firewall()).last?.error, (await portd.export()).names);
  `;
  const scoped = exampleOf(await Deno.readTextFile(LEASE)).replace('"./portd.ts"', JSON.stringify(LIBRARY.href));
  const outside = `${example.replace('"./client.ts"', JSON.stringify(CLIENT.href))}${calls}`;
  await Deno.writeTextFile(`${folder.path}/example.ts`, outside);
  await Deno.writeTextFile(`${folder.path}/scoped.ts`, scoped);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--no-lock", "example.ts", "scoped.ts"],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});

Deno.test("the library uses no package", async () => {
  const args = ["info", "--json", "--no-lock", LIBRARY.href];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    readonly modules: { readonly specifier: string }[];
  };
  const specifiers = modules.map(({ specifier }) => specifier);
  assert.deepEqual(specifiers.filter((each) => !each.startsWith("file:///")), []);
  assert.ok(specifiers.includes(CLIENT.href));
});
