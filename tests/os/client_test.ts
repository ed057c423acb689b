/** The client in Node, as the one file that `deno task client` makes. */
import assert from "node:assert/strict";
import { Installation } from "../support/os/installation.ts";
import { linux, npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";
import { freePort } from "../support/sockets.ts";
import { fencesOf } from "../support/docs/markdown.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Builds the client as the task does, but into this folder. */
async function build(folder: string): Promise<void> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [program, ...words] = tasks.client.command.split(" ") as string[];
  assert.equal(program, "deno");
  const args = words.map((word) => word.replace(/^dist\//, `${folder}/`));
  await runTool(Deno.execPath(), args, { cwd: ROOT });
}

/** What a user of Node may do with it, besides the example of docs/api.md. */
const SCRIPT = `
import { DEFAULT_URL, NoDaemonError, PortdClient, PortdError, UnprovenPeerError } from "./portd-client.mjs";
import assert from "node:assert/strict";

const [url, token, nobody] = process.argv.slice(2);
assert.equal(DEFAULT_URL, "http://127.0.0.1:7678");
const portd = new PortdClient({ url, token });
const abort = new AbortController();
const types = [];
let isOpen;
const open = new Promise((resolve) => isOpen = resolve);
const following = (async () => {
  for await (const event of portd.events({ signal: abort.signal, onOpen: isOpen })) {
    types.push(event.type);
    if (event.type === "lease.released") abort.abort();
  }
})();
await open;
const lease = await portd.grant({ name: "node", labels: { job: "17" } }, { idempotencyKey: "once" });
assert.deepEqual((await portd.grant({ name: "node", labels: { job: "17" } }, { idempotencyKey: "once" })).id, lease.id);
assert.deepEqual((await portd.listAll({ label: "job=17" })).map(({ id }) => id), [lease.id]);
assert.equal((await portd.describePort(lease.port)).verdict, "leased");
assert.deepEqual(Object.keys((await portd.export()).names), ["node"]); // takes the token
await assert.rejects(portd.grant({ port: lease.port }), (error) => error instanceof PortdError && error.code === "port_leased");
await assert.rejects(new PortdClient({ url, token: "f".repeat(64) }).status(), UnprovenPeerError);
await assert.rejects(new PortdClient({ url: nobody }).status(), (error) => {
  assert.ok(error instanceof NoDaemonError);
  assert.match(error.message, /^Cannot reach portd at http:\\/\\/127\\.0\\.0\\.1:\\d+: nobody listens there$/);
  return true;
});
await portd.releaseByLabel("job=17");
await following;
assert.deepEqual(types, ["lease.granted", "lease.released"]);
`;

osTest("the typed client runs in Node", [linux, tools("node"), npmRegistry], async (t) => {
  await using installation = await Installation.create();
  const { folder, stateDir } = installation;
  await build(folder);
  await installation.answer(["serve", "--detach"]);
  const { url } = await installation.daemon();
  await t.step("its calls, events, refusals and the proof", async () => {
    await Deno.writeTextFile(`${folder}/script.mjs`, SCRIPT);
    const token = (await Deno.readTextFile(`${stateDir}/admin.token`)).trim();
    await runTool("node", ["script.mjs", url, token, `http://127.0.0.1:${freePort()}`], { cwd: folder });
  });
  await t.step("the example of docs/api.md", async () => {
    const [example] = fencesOf(await Deno.readTextFile(`${ROOT}docs/api.md`)).filter(({ file }) =>
      file === "lease.mjs"
    );
    const script = example!.text.replace("new PortdClient()", `new PortdClient({ url: ${JSON.stringify(url)} })`);
    await Deno.writeTextFile(`${folder}/lease.mjs`, script);
    const printed = await runTool("node", ["lease.mjs"], { cwd: folder });
    assert.match(printed, /^http:\/\/localhost:2\d{4}\nCannot grant port \d+\/tcp: leased to "shop\/web" .* \d+\n$/);
  });
});
