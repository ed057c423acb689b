/** `portd run --scope`: what the command and all that it starts lease ends with it. */
import assert from "node:assert/strict";
import { lease } from "../../../src/library/lease.ts";
import { readScope } from "../../../src/project/scope.ts";
import { commandTest } from "../../support/command_setting.ts";

const SCOPE = `ci/42:0123456789ab:${Deno.pid}`;

commandTest("a lease in a scope has its labels and ends with its process", async ({ daemon, run, cwd }) => {
  const env = { PORTD_SCOPE: SCOPE };
  assert.equal((await run(["lease", "web"], { env })).code, 0);
  assert.equal((await run(["lease", "--count", "2", "--label", "job=17", "--ttl", "1h"], { env })).code, 0);
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services: { api: }");
  assert.equal((await run(["env"], { env })).code, 0);
  const labels = { scope: "ci/42", "scope.run": "0123456789ab" };
  const [web, first, second, api] = daemon.leases;
  for (const each of [web!, api!]) {
    assert.deepEqual([each.labels, each.lifetime.kind, each.holder.pid], [labels, "process", Deno.pid]);
  }
  for (const each of [first!, second!]) {
    assert.deepEqual([each.labels, each.lifetime.kind], [{ ...labels, job: "17" }, "ttl"]);
  }
});

commandTest("the end of portd run --scope ends what was leased in it, and nothing else", async ({ daemon, run }) => {
  const other = await daemon.grant({ labels: { scope: "ci" }, lifetime: { kind: "pinned" } });
  daemon.fault = ({ method, path }) => {
    // The scope is told by the leases of the run itself: one more is made in it, as a child of the command would.
    if (method !== "DELETE" || !path.startsWith("/v1/leases/")) return undefined;
    daemon.fault = () => undefined;
    const { labels } = daemon.leases.at(-1)!;
    return daemon.grant({ labels, lifetime: { kind: "pinned" } }).then(() => new Response(null, { status: 204 }));
  };
  assert.equal((await run(["run", "web", "--scope", "ci", "--", "true"])).code, 0);
  const states = daemon.leases.map(({ id, state }) => id === other.id ? `other ${state}` : state);
  assert.deepEqual(states, ["other granted", "released", "released"]);
});

commandTest("the command learns of its scope, and a lease of the library in it too", async ({ daemon, run, cwd }) => {
  const words = ["sh", "-c", `printf %s "$PORTD_SCOPE" >'${cwd}/scope'`];
  assert.equal((await run(["run", "--scope", "ci", "--", ...words])).code, 0);
  const text = await Deno.readTextFile(`${cwd}/scope`), scope = readScope(text)!;
  assert.deepEqual([scope.name, scope.pid], ["ci", Deno.pid]);
  Deno.env.set("PORTD_SCOPE", text);
  try {
    await using held = await lease(null, { url: daemon.url, project: null, labels: { a: "b" } });
    assert.deepEqual(held.lease.labels, { scope: "ci", "scope.run": scope.run, a: "b" });
  } finally {
    Deno.env.delete("PORTD_SCOPE");
  }
});

commandTest("a scope's name, and what stands in the environment, are checked", async ({ run, daemon }) => {
  const { code, stderr } = await run(["run", "--scope", "a b", "--", "true"]);
  assert.deepEqual([code, stderr], [
    2,
    'portd: Cannot use "a b" for --scope: must be 1 to 60 of the characters A-Z a-z 0-9 . _ + @ / -\n',
  ]);
  const odd = await run(["lease", "web"], { env: { PORTD_SCOPE: "nonsense" } });
  assert.equal(odd.code, 2);
  assert.match(odd.stderr, /PORTD_SCOPE: "nonsense" is not what portd run --scope sets; unset it/);
  assert.equal(daemon.leases.length, 0);
});
