/** The program as a whole process. */
import assert from "node:assert/strict";
import { RUN_FLAGS } from "../src/cli/context.ts";
import { VERSION } from "../src/version.ts";
import { FakeDaemon, TOKEN } from "./support/fake_daemon.ts";

const ROOT = new URL("../", import.meta.url);
const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

async function main(args: readonly string[], env: Record<string, string>, flags: readonly string[] = []) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, ...RUN_FLAGS, new URL("main.ts", ROOT).href, ...args],
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("VERSION is deno.json's", () => {
  assert.equal(VERSION, config.version);
});

Deno.test("a daemon that is started from source has the permissions of the task portd", () => {
  const words: string[] = config.tasks.portd.command.split(" ");
  assert.deepEqual(RUN_FLAGS, words.filter((word) => word.startsWith("--")));
});

Deno.test("the program answers on stdout, talks on stderr and exits with the command's code", async () => {
  await using daemon = await FakeDaemon.open();
  const env = { PORTD_URL: daemon.url };
  const { code, stdout } = await main(["lease", "--name", "shop/web"], env);
  assert.equal(code, 0);
  assert.equal(stdout, `${daemon.leases[0]?.port}\n`);
  daemon.refuseNext({ status: 503, code: "pool_exhausted", detail: "Cannot grant a tcp port: none is free" });
  const refused = await main(["lease"], env);
  assert.deepEqual(refused, { code: 5, stdout: "", stderr: "portd: Cannot grant a tcp port: none is free\n" });
});

Deno.test("a file that cannot be opened is named, whatever Deno says of it", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using daemon = await FakeDaemon.open();
  const env = { PORTD_URL: daemon.url, PORTD_TOKEN: TOKEN };
  const path = new URL("main.ts/leases.yaml", ROOT).pathname;
  for (const command of ["import", "export"]) {
    const stderr = `portd: Cannot use ${path}: a part of the path is a file and not a folder\n`;
    assert.deepEqual(await main([command, path], env), { code: 1, stdout: "", stderr });
  }
});

Deno.test("the hot commands load nothing that is heavy", async () => {
  await using daemon = await FakeDaemon.open();
  for (const command of ["lease web", "release web", "lease web --ttl 1m", "ls", "renew web", "run web -- true"]) {
    // The modules that a command loads, by Deno's own log.
    const { stderr } = await main(command.split(" "), { PORTD_URL: daemon.url, INIT_CWD: "/" }, ["--log-level=debug"]);
    const modules = stderr.match(/file:\/\/[^\s,"]+/g) ?? [];
    assert.ok(modules.some((module) => module.endsWith("/src/cli/cli.ts")), "the log names no module of the program");
    const heavy = modules.filter((module) =>
      /\/(?:hono|zod|yaml|logtape|routes)\/|\/src\/(?:daemon|config|store)\b|\/install_hint\b|\/src\/cli\/(?:free|run\/(?:if_running|inject))\b|\/src\/project\/(?:recognise|\w*frameworks?)\b/
        .test(module)
    );
    assert.deepEqual(heavy, [], command);
  }
});
