/** Moving leases in and out, stopping the daemon, and its configuration. */
import assert from "node:assert/strict";
import { checkFailure, commandTest, ok } from "../support/command_setting.ts";
import { FakeDaemon } from "../support/fake_daemon.ts";

const PINNED = { kind: "pinned" } as const;

commandTest("portd export writes YAML, or JSON where it is asked for", async ({ daemon, cwd, run }) => {
  const { id } = await daemon.grant({ name: "web", project: "shop" });
  const yaml = (await run(["export"])).stdout;
  assert.match(yaml, /^version: 1\n/);
  assert.match(yaml, new RegExp(`\nleases:\n {2}- id: ${id}\n`));
  assert.equal(JSON.parse((await run(["export", "--format", "json"])).stdout).leases.length, 1);
  assert.deepEqual(await run(["export", `${cwd}/all.json`]), ok(""));
  assert.equal(JSON.parse(await Deno.readTextFile(`${cwd}/all.json`)).version, 1);
  assert.equal((await Deno.stat(`${cwd}/all.json`)).mode! & 0o777, 0o600);
});

commandTest("portd import takes an export in, in calls that the daemon takes", async ({ daemon, cwd, run }) => {
  const holder = { id: "ci", cwd: `/${"x".repeat(500)}` };
  for (let i = 0; i < 60; i++) await daemon.grant({ name: `web-${i}`, project: "shop", holder, lifetime: PINNED });
  await run(["export", `${cwd}/all.yaml`]);
  await using other = await FakeDaemon.open();
  const env = { PORTD_URL: other.url };
  assert.deepEqual(await run(["import", `${cwd}/all.yaml`], { env }), ok("imported 60, skipped 0\n"));
  assert.deepEqual([...other.domain.registry.table.all()].map(({ id }) => id), daemon.leases.map(({ id }) => id));
  const calls = other.asked("POST", "/v1/import");
  assert.ok(calls.length > 1);
  for (const { body } of calls) assert.ok(new TextEncoder().encode(JSON.stringify(body)).length <= 48 * 1024);
});

commandTest("portd import names what it skips, and fails unless --partial", async ({ daemon, cwd, run }) => {
  const { id } = await daemon.grant({ name: "web", project: "shop" });
  await run(["export", `${cwd}/all.yaml`]);
  const { code, stdout, stderr } = await run(["import", `${cwd}/all.yaml`]);
  assert.deepEqual([code, stdout], [1, "imported 0, skipped 1\n"]);
  assert.match(stderr, new RegExp(`^skipped ${id}: .* is in the file already\n$`));
  assert.equal((await run(["import", `${cwd}/all.yaml`, "--partial"])).code, 0);
});

commandTest("portd import refuses what is no export, with line and column", async ({ daemon, cwd, run }) => {
  await Deno.writeTextFile(`${cwd}/bad.yaml`, "version: 1\nleases: [\n");
  assert.match((await run(["import", `${cwd}/bad.yaml`])).stderr, /bad\.yaml:\d+:\d+: /);
  await Deno.writeTextFile(`${cwd}/other.yaml`, "services: {}\n");
  assert.match((await run(["import", `${cwd}/other.yaml`])).stderr, /it is no export of version 1/);
  assert.equal((await run(["import", `${cwd}/missing.yaml`])).code, 1);
  assert.equal(daemon.requests.length, 0);
});

commandTest("portd stop asks with the token and waits until the daemon is gone", async ({ daemon, cwd, run }) => {
  const { code, stderr } = await run(["stop", "--state-dir", cwd]);
  assert.equal(code, 0);
  assert.match(stderr, /^stopped portd at http:\/\/127\.0\.0\.1:\d+ \(pid \d+\)\n$/);
  assert.equal(daemon.asked("POST", "/v1/stop").length, 1);
  assert.equal((await run(["status"])).code, 3);
});

commandTest("portd config show says where every setting comes from", async ({ cwd, run }) => {
  await Deno.writeTextFile(`${cwd}/config.yaml`, "graceMs: 5\n");
  const env = { PORTD_STATE_DIR: cwd, PORTD_WATCH_MS: "500" };
  const { stdout } = await run(["config", "show", "--set", "cooldownMs=0"], { env });
  assert.match(stdout, /^cooldownMs +0 +flag$/m);
  assert.match(stdout, /^watchMs +500 +PORTD_WATCH_MS$/m);
  assert.match(stdout, new RegExp(`^graceMs +5 +${cwd}/config\\.yaml:1:10$`, "m"));
  assert.match(stdout, /^pool +20000-29999 +default$/m);
});

commandTest("portd config check reports a fault with its place, exit code 2", async ({ cwd, run }) => {
  const env = { PORTD_STATE_DIR: cwd };
  assert.match((await run(["config", "check"], { env })).stdout, /no configuration file/);
  await Deno.writeTextFile(`${cwd}/other.yaml`, "pol: 1-2\n");
  await checkFailure(
    run(["config", "check", "other.yaml"], { env }),
    2,
    /other\.yaml:1:1\): there is no such setting; did you mean "pool"\?/,
  );
});
