/** The documents against the code: what they say is there is there, what is there they say, what they show happens. */
import assert from "node:assert/strict";
import { allRoutes } from "../routes/app.ts";
import { AmendBody, GrantBody, ListenersQuery, ListQuery, RenewBody } from "../routes/schema.ts";
import { EVENTS } from "../src/client/answer_shapes.ts";
import { environmentName } from "../src/config.ts";
import { readFamilies } from "../src/daemon/metrics.ts";
import { SETTINGS } from "../src/settings.ts";
import { STATUS_OF_CODE } from "../src/errors.ts";
import { appTest } from "./support/app.ts";
import { listen } from "./support/sockets.ts";
import {
  anchorsOf,
  codeWords,
  fencesOf,
  linksOf,
  type Section,
  sectionsOf,
  tableRows,
} from "./support/docs/markdown.ts";
import { callsGit, commandsOf, isRunHere, playSection, takesRoot } from "./support/docs/tour.ts";
import { Transcript } from "./support/docs/transcript.ts";
import { Installation } from "./support/os/installation.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Commands that are several. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  agent: ["init", "remove", "guard", "session", "worktree"],
  config: ["show", "check"],
  firewall: ["status", "plan", "sync"],
  gateway: ["status", "list", "sync"],
  service: ["install", "uninstall", "start", "stop", "restart", "status", "logs", "run"],
};

const read = (path: string) => Deno.readTextFile(ROOT + path);
const sorted = (words: Iterable<string>) => [...words].sort();

/** The part of a document under a heading. */
async function section(path: string, title: string, level = 2): Promise<Section> {
  const found = sectionsOf(await read(path), level).find((each) => each.title === title);
  assert.ok(found, `${path} has no part "${title}"`);
  return found;
}

/** The word in backticks with which each row of a table begins. */
function firstWords(text: string): string[] {
  return tableRows(text).map(([first = ""]) => codeWords(first)[0] ?? first);
}

async function markdownFiles(folder = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    if (isDirectory && !name.startsWith(".") && name !== "dist") {
      files.push(...await markdownFiles(`${folder}${name}/`));
    } else if (name.endsWith(".md")) files.push(folder + name);
  }
  return files;
}

const readme = sectionsOf(await read("README.md"), 2);
/** The documents of which every command is played. */
const PLAYED = {
  "README.md": readme,
  "docs/tour.md": sectionsOf(await read("docs/tour.md"), 2),
  "docs/recipes.md": sectionsOf(await read("docs/recipes.md"), 2),
};

const isPlayed = ({ fences }: Section) =>
  fences.some((fence) => fence.language === "sh" && commandsOf(fence).some(isRunHere));

for (const [path, sections] of Object.entries(PLAYED)) {
  for (const part of sections.filter((part) => isPlayed(part) && !takesRoot(part))) {
    Deno.test(`${path}, "${part.title}": every command prints what is shown`, {
      ignore: Deno.build.os !== "linux" || (callsGit(part) && !await hasGit()),
    }, async () => {
      assert.deepEqual(await playSection(part), []);
    });
  }
}

Deno.test("README.md is read in three minutes, and shows what people come for", async () => {
  assert.ok((await read("README.md")).split("\n").length < 180);
  assert.ok(readme.filter(isPlayed).length >= 5);
});

async function hasGit(): Promise<boolean> {
  try {
    return (await new Deno.Command("git", { args: ["--version"], stdout: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("the documents call only tasks that there are, with the Deno that the project uses", async () => {
  const { tasks } = JSON.parse(await read("deno.json"));
  const version = /DENO_VERSION=(\S+)/.exec(await read("compile.sh"))?.[1];
  const shown = readme.flatMap(({ fences }) => fences).filter(({ language }) => language === "sh").flatMap(commandsOf);
  const downloading = shown.filter((each) => !isRunHere(each)).map(({ command }) => command);
  assert.deepEqual(downloading.filter((command) => command.startsWith("npx")).map((command) => command.split(" ")[4]), [
    "portd",
    "test",
    "install",
  ]);
  for (const command of downloading) {
    const [program = "", , deno, word, task = ""] = command.split(" ");
    if (program !== "npx") assert.ok((await Deno.stat(ROOT + program)).isFile);
    else assert.deepEqual([deno, word, Object.hasOwn(tasks, task)], [`deno@${version}`, "task", true], command);
  }
  const texts = await Promise.all((await markdownFiles()).map(read));
  const named = texts.flatMap((text) => [...text.matchAll(/\b(deno\S*) task ([\w:]+)/g)]);
  assert.ok(named.length > 5);
  assert.deepEqual(named.filter(([, , task]) => !Object.hasOwn(tasks, task!)).map(([call]) => call), []);
  assert.deepEqual(named.filter(([, program]) => !["deno", `deno@${version}`].includes(program!)), []);
});

Deno.test("docs/development.md lists the dependencies of deno.json", async () => {
  const { imports } = JSON.parse(await read("deno.json"));
  const listed = firstWords((await section("docs/development.md", "Dependencies")).text);
  assert.deepEqual(sorted(listed), sorted(Object.keys(imports)));
});

Deno.test("docs/errors.md tells of every code, with its status, and of no other", async () => {
  const told = sectionsOf(await read("docs/errors.md"), 3);
  assert.deepEqual(sorted(told.map(({ title }) => title)), sorted(Object.keys(STATUS_OF_CODE)));
  for (const { title, text } of told) {
    assert.equal(Number(/^\d{3}/.exec(text.trim())?.[0]), STATUS_OF_CODE[title as keyof typeof STATUS_OF_CODE], title);
    assert.match(text, /^> Cannot /m, `${title} has no example`);
  }
});

appTest("docs/api.md tells of every route, with its scope, and of no other", async (app) => {
  const text = await read("docs/api.md");
  const references = [...text.matchAll(/^- `\/leases(\/\S+)`/gm)].map(([, path]) => path!);
  const rows = tableRows(text).filter(([call = ""]) => /^`[A-Z]+ \//.test(call));
  const told = rows.flatMap(([call = "", scope]) => {
    const [method, path = ""] = codeWords(call)[0]!.split(" ");
    const paths = ["/{id}", ...path.includes("{id}") ? references : []].map((each) => path.replace("/{id}", each));
    return paths.map((each) => `${method} /v1${each.replaceAll(/\{(\w+)\}/g, ":$1").replace(/^\/$/, "")} ${scope}`);
  });
  const [, probes = ""] = /It, (`.+?) are also served without `\/v1`/s.exec(text.replaceAll(/\s+/g, " ")) ?? [];
  told.push("GET / lease", ...codeWords(probes).map((path) => `GET ${path} ${path.endsWith("z") ? "none" : "lease"}`));
  const routes = allRoutes(app.parts).map(({ method, path, scope }) => `${method} ${path} ${scope}`);
  assert.deepEqual(sorted(told), sorted(routes));
});

appTest("docs/metrics.md tells of every metric, with its type and labels, and of no other", async (app) => {
  await app.call("/v1/nonsense"); // so that each label has a value
  const told = tableRows((await section("docs/metrics.md", "The metrics")).text).map(([name = "", type, labels = ""]) =>
    [codeWords(name)[0], type, ...codeWords(labels)].join(" ")
  );
  const metrics = readFamilies(app.parts).map(({ name, type, samples: [first] }) =>
    [name, type, ...Object.keys(first?.labels ?? {})].join(" ")
  );
  assert.deepEqual(told, metrics);
});

Deno.test("docs/api.md tells of every field and parameter, and of no other", async () => {
  const fields = (await section("docs/api.md", "`POST /leases`")).text;
  assert.deepEqual(sorted(firstWords(fields)), sorted(Object.keys(GrantBody.shape)));
  const [service = ""] = tableRows(fields).filter(([field]) => field === "`services`").map((row) => row.at(-1)!);
  assert.deepEqual(sorted(codeWords(service)), sorted(Object.keys(GrantBody.shape.services.unwrap().element.shape)));
  const listing = codeWords((await section("docs/api.md", "Listing")).text);
  const parameters = listing.map((word) => word.split("=")[0]!).filter((word) => Object.hasOwn(ListQuery.shape, word));
  assert.deepEqual(sorted(new Set(parameters)), sorted(Object.keys(ListQuery.shape)));
  const changing = (await section("docs/api.md", "Changing")).text;
  for (const field of [...Object.keys(AmendBody.shape), ...Object.keys(RenewBody.shape)]) {
    assert.match(changing, new RegExp(`\\b${field}\\b`));
  }
});

appTest("docs/api.md shows a lease and a status with the members that they have", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web", project: "shop", pid: Deno.pid } });
  const shown = JSON.parse((await section("docs/api.md", "A lease")).fences[0]!.text);
  assert.deepEqual(Object.keys(shown), Object.keys(lease));
  assert.deepEqual(Object.keys(shown.holder), Object.keys(lease.holder));
  const status = JSON.parse((await section("docs/api.md", "Status")).fences[0]!.text);
  const { body } = await app.call("/v1/status");
  assert.deepEqual(Object.keys(status), Object.keys(body));
});

Deno.test("docs/api.md shows the lease that a real run gives", { ignore: Deno.build.os !== "linux" }, async () => {
  const { fences, text } = await section("docs/api.md", "A lease");
  const [, command = ""] = /`portd (run .+)` in `\/home\/me\/shop`/.exec(text) ?? [];
  await using installation = await Installation.create();
  const { folder } = installation;
  const cwd = `${folder}/shop`;
  await Deno.mkdir(cwd);
  const [server] = readme.flatMap(({ fences }) => fences).filter(({ file }) => file === "server.mjs");
  await Deno.writeTextFile(`${cwd}/server.mjs`, server!.text);
  const run = installation.command(command.split(" "), { cwd, stdout: "null", stderr: "null" }).spawn();
  try {
    await installation.answer(["wait", "web"], { cwd });
    const { url } = await installation.daemon();
    const lease = await (await fetch(`${url}/v1/leases/by-name/shop/web`)).json();
    const given = JSON.stringify(lease, null, 2).replaceAll(folder, "/home/me").replaceAll(lease.holder.bootId, "5c0f…")
      .replaceAll(`"user": "${lease.holder.user}"`, '"user": "me"');
    const shown = JSON.stringify(JSON.parse(fences[0]!.text), null, 2);
    assert.equal(new Transcript().compare(shown, given), undefined);
  } finally {
    run.kill("SIGTERM");
    await run.status;
  }
});

appTest("docs/api.md shows a port and a socket with the members that they have", async (app) => {
  using server = listen();
  const port = JSON.parse((await section("docs/api.md", "A port")).fences[0]!.text);
  const { body } = await app.call(`/v1/ports/${server.port}`);
  assert.deepEqual(sorted(Object.keys(port)), sorted(Object.keys(body)));
  const { text, fences } = await section("docs/api.md", "Listeners");
  const { body: { listeners: [socket] } } = await app.call(`/v1/listeners?port=${server.port}`);
  assert.deepEqual(sorted(Object.keys(JSON.parse(fences[0]!.text))), sorted(Object.keys(socket)));
  const told = (await section("docs/api.md", "A port")).text;
  const more = Object.keys(body.listeners[0]).filter((member) => !Object.hasOwn(socket, member));
  assert.deepEqual(more.filter((member) => !told.includes(`\`${member}\``)), []);
  assert.deepEqual(Object.keys(ListenersQuery.shape).filter((name) => !text.includes(`\`${name}`)), []);
});

Deno.test("docs/api.md tells of every event, and of no other", async () => {
  const told = codeWords((await section("docs/api.md", "Events")).text).filter((word) =>
    /^(?:lease|listener|rule|mapping|line)\.\w+$/.test(word)
  );
  assert.deepEqual(sorted(told), sorted(EVENTS.keys()));
});

Deno.test("docs/configuration.md tells of every setting, its variable and its default, and of no other", async () => {
  const [table = ""] = (await read("docs/configuration.md")).split(/^## /m);
  const told = tableRows(table).map((row) => row.slice(0, 3).map((cell) => codeWords(cell)[0] ?? ""));
  const settings = Object.entries(SETTINGS).map(([name, setting]) => [name, environmentName(name), setting.default]);
  assert.deepEqual(told, settings);
});

Deno.test("docs/platforms.md says of every line what runs it on Windows and macOS, and names only tests that there are", async () => {
  const titled = (rows: string[][]) => rows.map(([first = ""]) => first);
  const [works = "", service = "", run = ""] = (await Promise.all(
    ["What works where", "As a service", "What has run where"].map((title) => section("docs/platforms.md", title)),
  )).map(({ text }) => text);
  const rows = tableRows(run);
  const lines = titled([...tableRows(works), ...tableRows(service)]);
  assert.ok(lines.length > 15);
  assert.deepEqual(lines.filter((line) => !titled(rows).includes(line)), []);
  for (const [what, windows = "", macos = ""] of rows) {
    for (const cell of [windows, macos]) {
      const files = codeWords(cell);
      if (files.length === 0) assert.equal(cell, "documentation only", what);
      for (const file of files) assert.ok(file.startsWith("tests/") && await leadsSomewhere(file, undefined), file);
    }
  }
});

Deno.test("docs/cli.md tells of every command and flag of --help, and of no other", async () => {
  await using installation = await Installation.create();
  const help = async (...words: string[]) => await installation.answer([...words, "--help"]);
  const root = await help();
  const commands = [.../^COMMANDS\n([\s\S]*?)\n\n/m.exec(root)![1]!.matchAll(/^ {2}(\w+) {2}/gm)].map(([, name]) =>
    name!
  );
  const told = sectionsOf(await read("docs/cli.md"), 2).filter(({ title }) => title.startsWith("portd "));
  assert.deepEqual(told.map(({ title }) => title), commands.map((name) => `portd ${name}`));
  const common = firstWords((await section("docs/cli.md", "Flags of every command")).text);
  for (const [i, name] of commands.entries()) {
    const texts = await Promise.all((BELOW[name] ?? [""]).map((word) => word === "" ? help(name) : help(name, word)));
    const flags = new Set(texts.flatMap((text) => text.match(/(?<=^ .*)--[a-z]+(?:-?[a-z\d]+)*(?=\]| {2})/gm) ?? []));
    assert.deepEqual(common.filter((flag) => !flags.has(flag)), [], name);
    assert.deepEqual(sorted([...firstWords(told[i]!.text), ...common]), sorted(flags), name);
  }
});

Deno.test("docs/windows.md and its translation show the same commands, and only such as docs/cli.md has", async () => {
  const [english, japanese] = await Promise.all(["docs/windows.md", "docs/windows.ja.md"].map(async (path) => {
    const code = fencesOf(await read(path)).map(({ text }) => text.replaceAll(/ +# .*$/gm, ""));
    return code.flatMap((text) => text.trimEnd().split("\n"));
  }));
  assert.deepEqual(japanese, english);
  const told = sectionsOf(await read("docs/cli.md"), 2);
  const common = firstWords((await section("docs/cli.md", "Flags of every command")).text);
  const calls = english!.flatMap((line) => /^(?:portd|& "\S+portd\.exe") (.+)$/.exec(line)?.[1] ?? []);
  assert.ok(calls.length > 15);
  for (const call of calls) {
    const [command = "", below = ""] = call.split(" ");
    const part = told.find(({ title }) => title === `portd ${command}`);
    assert.ok(part, call);
    if (Object.hasOwn(BELOW, command)) assert.ok(BELOW[command]!.includes(below), call);
    const flags = call.match(/--[a-z-]+/g) ?? [];
    assert.deepEqual(flags.filter((flag) => ![...firstWords(part.text), ...common].includes(flag)), [], call);
  }
});

Deno.test("docs/cli.md tells of the exit codes of --help", async () => {
  await using installation = await Installation.create();
  const line = (await installation.answer(["--help"])).trimEnd().split("\n").at(-1)!;
  const codes = line.trim().split(", ").map((each) => each.split(" ")[0]!);
  assert.deepEqual(firstWords((await section("docs/cli.md", "Exit codes")).text), codes);
});

Deno.test("every relative link of every document leads somewhere", async () => {
  const broken: string[] = [];
  let links = 0;
  for (const file of await markdownFiles()) {
    for (const link of linksOf(await read(file)).filter((target) => !/^[a-z]+:/.test(target))) {
      links++;
      const [path, anchor] = link.split("#") as [string, string?];
      const target = path === "" ? file : decodeURI(new URL(path, `file:///${file}`).pathname.slice(1));
      if (!await leadsSomewhere(target, anchor)) broken.push(`${file}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
  assert.ok(links > 20);
});

async function leadsSomewhere(path: string, anchor: string | undefined): Promise<boolean> {
  try {
    return anchor === undefined ? (await Deno.stat(ROOT + path)) !== null : anchorsOf(await read(path)).has(anchor);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
