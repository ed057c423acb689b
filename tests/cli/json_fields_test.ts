/** `--json FIELD,FIELD`: what is printed of an answer, what is refused, and that no list of fields is out of date. */
import assert from "node:assert/strict";
import { BRIEFS } from "../../src/cli/app.ts";
import { LEASE_FIELDS } from "../../src/cli/answer.ts";
import { answerOf, thingsOf } from "../support/answers.ts";
import { portd } from "../support/cli.ts";
import { checkFailure, commandTest, ok } from "../support/command_setting.ts";

const lifetime = { kind: "pinned" } as const;

commandTest("the chosen fields are printed, in their order, and no others", async ({ daemon, run }) => {
  const { port } = await daemon.grant({ name: "web", project: "shop", lifetime });
  assert.deepEqual(
    await run(["inspect", String(port), "--json", "verdict,port"]),
    ok(`{"verdict":"leased","port":${port}}\n`),
  );
  assert.deepEqual(await run(["ls", "--json", "port,name"]), ok(`{"leases":[{"port":${port},"name":"shop/web"}]}\n`));
  assert.deepEqual(await run(["ls", "--json=name"]), ok('{"leases":[{"name":"shop/web"}]}\n'));
  assert.deepEqual(await run(["ls", "--json", "name", "--project", "none"]), ok('{"leases":[]}\n'));
});

commandTest("a field that this answer does not have is null", async ({ daemon, run }) => {
  const { port } = await daemon.grant({ lifetime });
  assert.deepEqual(
    await run(["close", String(port), "--json", "name,leavingMappings"]),
    ok('{"name":null,"leavingMappings":[]}\n'),
  );
  assert.deepEqual(await run(["wait", "--free", "1", "--json", "free,id"]), ok('{"free":true,"id":null}\n'));
});

commandTest("--json takes no argument of a command for fields, and no flag", async ({ daemon, run }) => {
  const { port } = await daemon.grant({ name: "web", project: "shop", lifetime });
  const whole = await run(["inspect", String(port), "--json"]);
  assert.deepEqual(Object.keys(JSON.parse(whole.stdout)).length, (await answerOf(["inspect"]))!.fields.length);
  assert.deepEqual(await run(["inspect", "--json", String(port)]), whole);
  assert.deepEqual(await run(["inspect", "--json", "port", String(port)]), ok(`{"port":${port}}\n`));
  assert.deepEqual(await run(["ls", "--json", "--project", "shop"]), await run(["ls", "--project", "shop", "--json"]));
  assert.match((await run(["release", "--json", "shop/web"])).stdout, /^\{"released":\["[0-9A-Z]{26}"\]\}\n$/);
});

commandTest("a word that is no field is refused with the nearest one and all of them", async ({ run }) => {
  const words =
    /^\{"error":\{"code":"usage","message":"Cannot use \\"nam\\" for --json: there is no such field; did you mean name\? portd ls has id, name, .*, endedAt"\}\}\n$/;
  await checkFailure(run(["ls", "--json", "nam"]), 2, words);
  await checkFailure(run(["ls", "--json", "port,nam"]), 2, words);
  await checkFailure(run(["ls", "--json=nam"]), 2, words);
  await checkFailure(run(["inspect", "3000", "--json", "prot"]), 2, /"prot\\" for --json: .* did you mean port\?/);
  await checkFailure(run(["lease", "--json", "id,prt"]), 2, /"prt\\" for --json/);
  await checkFailure(
    run(["lease", "--json="]),
    2,
    /Cannot use \\"\\" for --json: there is no such field; portd lease has id,/,
  );
  await checkFailure(run(["ls", "--json", "constructor"]), 2, /"constructor\\" for --json/);
  await checkFailure(run(["gateway", "list", "--json", "\x1b[31m"]), 2, /"\\\\u001b\[31m\\" for --json/);
  await checkFailure(run(["completions", "bash", "--json=x"]), 2, /portd completions has none/);
});

commandTest("the fields of portd env are the variables of portd.yaml", async ({ run, cwd }) => {
  await Deno.writeTextFile(`${cwd}/portd.yaml`, 'services: { web: { env: WEB }, api: }\nvalues: { HOST: "a" }\n');
  assert.match((await run(["env", "--json", "HOST,API_PORT"])).stdout, /^\{"HOST":"a","API_PORT":"\d+"\}\n$/);
  await checkFailure(run(["env", "--json", "WEBB"]), 2, /did you mean WEB\? portd env has WEB, API_PORT, HOST/);
});

commandTest("words behind -- are no fields", async ({ run }) => {
  await checkFailure(run(["release", "--", "--json", "released"]), 1, /"?--json"?/);
});

/** Command lines whose answers have all of their fields. */
const WHOLE = [
  "lease web --ttl 1h",
  "ls",
  "inspect web",
  "renew web --ttl 1h",
  "url web",
  "status",
  "version",
  "config show",
  "config check",
  "firewall status",
  "gateway status",
  "line",
  "slots",
  "free 3999",
  "release web",
];
/** Fields that only some answers of theirs have. */
const RARE: Readonly<Record<string, readonly string[]>> = {
  firewall: ["dryRun"],
  slots: ["released", "kept", "dryRun"],
  status: ["wsl"],
};

commandTest("the list of each command is what it answers", async ({ run, cwd }) => {
  for (const line of WHOLE) {
    const args = line.split(" "), answer = (await answerOf(args))!;
    const { stdout, stderr, code } = await run([...args, "--json"], { env: { PORTD_STATE_DIR: `${cwd}/state` } });
    assert.equal(code, 0, `${line}: ${stderr}`);
    const names = thingsOf(JSON.parse(stdout), answer).flatMap((thing) => Object.keys(thing));
    const expected = answer.fields.filter((name) => !RARE[args[0]!]?.includes(name));
    assert.deepEqual(expected.filter((name) => !names.includes(name)), [], `fields that portd ${line} does not have`);
  }
});

Deno.test("every command lists its fields in its help, or prints no answer", async () => {
  const without = ["completions", "export", "mcp", "env"];
  for (const name of Object.keys(BRIEFS)) {
    const { stdout } = await portd([name, "--help"]);
    const isGroup = /COMMANDS/.test(stdout);
    assert.equal(
      /^Fields for --json: \w/m.test(stdout.replaceAll("\n", " ").replace("Fields", "\nFields")),
      !isGroup && !without.includes(name),
      name,
    );
  }
  assert.match((await portd(["ls", "--help"])).stdout, new RegExp(`Fields for --json: ${LEASE_FIELDS.join(", ")}`));
});
