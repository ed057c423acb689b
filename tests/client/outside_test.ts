/** The client where others use it: in a project of their own, which knows nothing of this one's deno.json. */
import assert from "node:assert/strict";
import { temporaryFolder } from "../support/folder.ts";

const CLIENT = new URL("../../src/client/client.ts", import.meta.url);

/** The example in the documentation of a module. */
function exampleOf(text: string): string {
  const [, lines] = /^ \* @example\n \* ```ts\n((?: \*.*\n)*?) \* ```$/m.exec(text) ?? [];
  assert.ok(lines !== undefined, "there is no example");
  return lines.replaceAll(/^ \* ?/gm, "");
}

Deno.test("the client's example resolves, and type-checks outside of this repository with Deno's defaults", async () => {
  const example = exampleOf(await Deno.readTextFile(CLIENT));
  assert.match(example, /^import \{ PortdClient \} from "\.\/client\.ts";$/m);
  await using folder = await temporaryFolder();
  const calls = `
    for await (const event of portd.events()) if ("lease" in event) console.log(event.lease.holder.pid);
    const [listed]: readonly string[] = (await portd.listAll({ label: "job=17" })).map(({ id }) => id);
    const lines: string[] = (await portd.describePort(80)).services.map(({ name }) => name);
    console.log(listed, lines, (await portd.firewall()).last?.error, (await portd.export()).names);
  `;
  const outside = `${example.replace('"./client.ts"', JSON.stringify(CLIENT.href))}${calls}`;
  await Deno.writeTextFile(`${folder.path}/example.ts`, outside);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--no-lock", "example.ts"],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});

Deno.test("the client uses no package", async () => {
  const args = ["info", "--json", "--no-lock", CLIENT.href];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    readonly modules: { readonly specifier: string }[];
  };
  assert.deepEqual(modules.map(({ specifier }) => specifier).filter((each) => !each.startsWith("file:///")), []);
  assert.ok(modules.length > 5);
});
