/** What `portd run` adds to the commands of dev servers. */
import assert from "node:assert/strict";
import { planInjection } from "../../../src/cli/run/inject.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandTest } from "../../support/command_setting.ts";
import { linuxTest } from "../../support/linux_only.ts";

const plan = (
  text: string,
  { cwd = "/nowhere", ...options }: { cwd?: string; service?: string; framework?: string } = {},
) => planInjection(text.split(" "), { cwd, ...options });
const inject = (text: string, cwd?: string) => plan(text, cwd === undefined ? {} : { cwd })?.inject(5173, () => 0);

Deno.test("a dev server gets the port, and what keeps it from taking another one", () => {
  assert.deepEqual(inject("npx vite --host"), {
    words: ["npx", "vite", "--host", "--port", "5173", "--strictPort"],
    variables: {},
    note: "Vite: added --port 5173 --strictPort",
  });
  assert.deepEqual(inject("python3 -m http.server")?.words, ["python3", "-m", "http.server", "5173"]);
  assert.deepEqual(inject("php -S localhost:8000 -t public")?.words, ["php", "-S", "localhost:5173", "-t", "public"]);
  assert.deepEqual(inject("deno serve -A main.ts")?.words, ["deno", "serve", "--port=5173", "-A", "main.ts"]);
});

Deno.test("a command with a port of its own, or of no known server, stays as it is", () => {
  for (const text of ["vite --port 3000", "node server.mjs", "npm run dev"]) {
    assert.equal(inject(text), undefined, text);
  }
});

Deno.test("a script of package.json gets the port behind what its manager needs", async () => {
  await using folder = await temporaryFolder();
  const cwd = `${folder.path}/packages/web`;
  await Deno.mkdir(cwd, { recursive: true });
  const scripts = {
    dev: "tsc && vite",
    own: "vite --port 1234",
    php: "php -S localhost:8000",
    odd: 5,
    loop: "concurrently 'a' 'b'",
  };
  await Deno.writeTextFile(`${folder.path}/package.json`, JSON.stringify({ scripts }));
  assert.deepEqual(inject("npm run dev", cwd)?.words, ["npm", "run", "dev", "--", "--port", "5173", "--strictPort"]);
  assert.deepEqual(inject("npm run dev -- --host", cwd)?.words.slice(3), [
    "--",
    "--host",
    "--port",
    "5173",
    "--strictPort",
  ]);
  assert.deepEqual(inject("pnpm dev", cwd)?.words, ["pnpm", "dev", "--port", "5173", "--strictPort"]);
  for (
    const text of ["npm run own", "npm run php", "npm run odd", "npm run loop", "npm run toString", "npm run none"]
  ) {
    assert.equal(inject(text, cwd), undefined, text);
  }
  for (const text of ["{", "null", "[]", '{"scripts": 3}']) {
    await Deno.writeTextFile(`${cwd}/package.json`, text);
    assert.equal(inject("npm run dev", cwd), undefined, text);
  }
});

Deno.test("a port in a script is no obstacle where the last of several counts, one of the command line is", async () => {
  await using folder = await temporaryFolder();
  const scripts = { storybook: "storybook dev -p 6006" };
  await Deno.writeTextFile(`${folder.path}/package.json`, JSON.stringify({ scripts }));
  const words = (text: string) => inject(text, folder.path)?.words.join(" ");
  assert.equal(words("npm run storybook"), "npm run storybook -- --port 5173 --exact-port");
  assert.equal(words("npm run storybook -- -p 7007"), undefined);
  assert.equal(words("npx storybook dev -p 6006"), undefined);
});

Deno.test("scripts that call scripts, and folders that a package manager is told, are followed", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/web`);
  const write = (path: string, scripts: object) =>
    Deno.writeTextFile(`${folder.path}/${path}package.json`, JSON.stringify({ scripts }));
  await write("", { dev: "npm run dev:web", "dev:web": "next dev", loop: "npm run loop", other: "pnpm dev:web" });
  await write("web/", { dev: "vite" });
  const words = (text: string) => inject(text, folder.path)?.words.join(" ");
  assert.equal(words("npm run dev"), "npm run dev -- -- --port 5173");
  assert.equal(words("pnpm dev"), "pnpm dev -- --port 5173");
  assert.equal(words("npm run other"), "npm run other -- --port 5173");
  assert.equal(words("npm run loop"), undefined);
  for (
    const text of ["npm --prefix web run dev", "npm run --silent --prefix=web dev", `npm -C ${folder.path}/web run dev`]
  ) {
    assert.equal(words(text), `${text} -- --port 5173 --strictPort`);
  }
  assert.equal(words("yarn --cwd web dev"), "yarn --cwd web dev --port 5173 --strictPort");
  for (const text of ["npm run dev -w web", "npm --workspace=web run dev", "pnpm --filter web dev", "pnpm -r dev"]) {
    assert.equal(words(text), undefined, text);
  }
});

Deno.test("a package.json that is no file, too long or not to be read leaves the command to its package manager", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/package.json`, scripts = { dev: "vite" };
  await Deno.writeTextFile(path, JSON.stringify({ scripts, more: "x".repeat(1 << 20) }));
  assert.equal(inject("npm run dev", folder.path), undefined);
  await Deno.remove(path);
  await Deno.mkdir(path);
  assert.equal(inject("npm run dev", folder.path), undefined);
  await Deno.writeTextFile(`${path}/package.json`, "");
  assert.equal(inject("npm run dev", path), undefined, "an empty file");
});

linuxTest("a package.json that is a pipe is not waited for", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/package.json`;
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert.ok(success);
  // Whoever opens the pipe gets a script from it, so that a test of what waits for it ends.
  const script = JSON.stringify({ scripts: { dev: "vite" } });
  const writer = new Deno.Command("sh", { args: ["-c", `echo '${script}' > '${path}'`] }).spawn();
  try {
    assert.equal(inject("npm run dev", folder.path), undefined);
  } finally {
    writer.kill();
    await writer.status;
  }
});

Deno.test("a script that is made to take long is not followed, and a folder that cannot be is no error", async () => {
  await using folder = await temporaryFolder();
  const write = (dev: string) =>
    Deno.writeTextFile(`${folder.path}/package.json`, JSON.stringify({ scripts: { dev, run: "vite", web: "vite" } }));
  const isFollowed = () => inject("npm run dev", folder.path) !== undefined;
  await write(`npm ${"run ".repeat(1000)}web`);
  assert.equal(isFollowed(), true);
  for (const script of [`npm ${"run ".repeat(2000)}web`, `npm --prefix ${"a/".repeat(100_000)} run web`]) {
    await write(script);
    assert.equal(isFollowed(), false, script.slice(0, 40));
  }
  for (const prefix of ["a".repeat(4000), "a\0b"]) {
    await write(`npm --prefix ${prefix} run web`);
    assert.equal(isFollowed(), true, "as for a folder that is not there, the next one above counts");
  }
});

Deno.test("a dev server that portd.yaml names gets its port whatever the command is, unless that has one", async () => {
  await using folder = await temporaryFolder();
  const scripts = { dev: "concurrently 'tsc -w' 'vite'", own: "vite --port $PORT", php: "php -S localhost:8000" };
  await Deno.writeTextFile(`${folder.path}/package.json`, JSON.stringify({ scripts }));
  const named = (text: string, framework: string) =>
    plan(text, { cwd: folder.path, framework })?.inject(5173, () => 0).words.join(" ");
  assert.equal(named("./serve.sh", "vite"), "./serve.sh --port 5173 --strictPort");
  assert.equal(named("npx next dev", "astro"), "npx next dev --port 5173");
  assert.equal(named("npm run dev", "vite"), "npm run dev -- --port 5173 --strictPort");
  assert.equal(named("npm run dev -w web", "vite"), "npm run dev -w web -- --port 5173 --strictPort");
  assert.equal(named("./serve.sh --port 3000", "vite"), undefined);
  assert.equal(named("npm run own", "vite"), undefined);
  assert.equal(named("npm run php", "php"), undefined);
});

Deno.test("a side port is named after the service, and has words of its own", () => {
  const wrangler = plan("npx wrangler dev", { service: "web" });
  assert.deepEqual(wrangler?.sides, ["web-inspector"]);
  const ports: Record<string, number> = { "web-inspector": 5174 };
  assert.deepEqual(wrangler?.inject(5173, (name) => ports[name]!), {
    words: ["npx", "wrangler", "dev", "--port", "5173", "--inspector-port", "5174"],
    variables: {},
    note: "Wrangler: added --port 5173 --inspector-port 5174",
  });
  assert.deepEqual(plan("wrangler dev --inspector-port 9229", { service: "web" })?.sides, []);
  assert.deepEqual(plan("wrangler dev")?.sides, []);
  assert.deepEqual(plan("wrangler dev", { service: "w".repeat(54) })?.sides, [`${"w".repeat(54)}-inspector`]);
  assert.deepEqual(plan("wrangler dev", { service: "w".repeat(55) })?.sides, []);
  assert.deepEqual(plan("jekyll serve --livereload", { service: "web" })?.sides, ["web-livereload"]);
  assert.deepEqual(plan("jekyll serve", { service: "web" })?.sides, []);
});

Deno.test("the debugger of Node.js has a port of its own, also behind scripts and watchers", async () => {
  await using folder = await temporaryFolder();
  const scripts = { dev: "nodemon --inspect server.js", debug: "node --inspect node_modules/.bin/vite" };
  await Deno.writeTextFile(`${folder.path}/package.json`, JSON.stringify({ scripts }));
  const inspect = (text: string, nodeOptions?: string) =>
    planInjection(text.split(" "), { cwd: folder.path, service: "web", nodeOptions })?.inject(5173, () => 5174);
  const variables = { NODE_OPTIONS: "--inspect-port=5174" },
    note = "Node.js: added --inspect-port=5174 to NODE_OPTIONS";
  for (const text of ["npm run dev", "node --inspect-brk server.mjs"]) {
    assert.deepEqual(inspect(text), { words: text.split(" "), variables, note });
  }
  assert.deepEqual(inspect("npm run debug"), {
    words: ["npm", "run", "debug", "--", "--port", "5173", "--strictPort"],
    variables,
    note: `Vite: added -- --port 5173 --strictPort; ${note}`,
  });
  assert.deepEqual(inspect("npm run dev", "--enable-source-maps")?.variables, {
    NODE_OPTIONS: "--enable-source-maps --inspect-port=5174",
  });
  assert.equal(inspect("npm run dev", "--inspect=9230"), undefined);
  for (const text of ["node --inspect=9230 server.mjs", "node server.mjs", "node --inspect --inspect-port 1 a.mjs"]) {
    assert.equal(inspect(text), undefined, text);
  }
});

/** Puts a program into the folder that writes its words and its variables of ports. @returns its path. */
async function putProgram(cwd: string, name: string): Promise<string> {
  await Deno.mkdir(`${cwd}/bin`, { recursive: true });
  const script = `#!/bin/sh\necho "$@" >'${cwd}/words'\nenv | grep PORT= | sort >'${cwd}/variables'\n`;
  await Deno.writeTextFile(`${cwd}/bin/${name}`, script, { mode: 0o755 });
  return `${cwd}/bin/${name}`;
}

commandTest("side ports are leased with the port, all or none, and released with it", async ({ run, cwd, daemon }) => {
  const wrangler = await putProgram(cwd, "wrangler");
  const { code, stderr } = await run(["run", "web", "--hold", "none", "--port", "5173", "--", wrangler, "dev"]);
  assert.equal(code, 0, stderr);
  const [web, inspector] = daemon.leases.map(({ port }) => port);
  assert.equal(stderr, `portd: Wrangler: added --port 5173 --inspector-port ${inspector}\n`);
  assert.equal(await Deno.readTextFile(`${cwd}/words`), `dev --port ${web} --inspector-port ${inspector}\n`);
  const variables = `PORT=${web}\nWEB_INSPECTOR_PORT=${inspector}\nWEB_PORT=${web}\n`;
  assert.equal(await Deno.readTextFile(`${cwd}/variables`), variables);
  const { services } = daemon.asked("POST", "/v1/leases")[0]?.body as { services: unknown };
  assert.deepEqual(services, [{ name: "web", port: 5173, hold: "none" }, { name: "web-inspector", hold: "none" }]);
  assert.deepEqual(daemon.leases.map(({ name, state }) => [name, state]), [
    ["shop/web", "released"],
    ["shop/web-inspector", "released"],
  ]);
  assert.equal((await run(["run", "--", wrangler, "dev"])).code, 0);
  assert.equal(daemon.leases.length, 3);
});

commandTest("portd.yaml names a dev server, says none, and knows side ports", async ({ run, cwd, daemon }) => {
  const script = await putProgram(cwd, "serve.sh"), vite = await putProgram(cwd, "vite");
  const file = (text: string) => Deno.writeTextFile(`${cwd}/portd.yaml`, text);
  const words = async (...args: readonly string[]) => {
    const { code, stderr } = await run(["run", ...args]);
    assert.equal(code, 0, stderr);
    return (await Deno.readTextFile(`${cwd}/words`)).replaceAll(/\d{4,}/g, "N").trim();
  };
  await file("services: { web: { framework: wrangler }, web-inspector: { prefer: 9229, env: DEBUG_PORT } }\n");
  assert.equal(await words("web", "--", script), "--port N --inspector-port N");
  assert.match(await Deno.readTextFile(`${cwd}/variables`), /^DEBUG_PORT=9229$/m);
  assert.equal(await words("--", script), "--port N --inspector-port N");
  assert.equal(daemon.leases.length, 4);
  await file("services: { web: { framework: none } }\n");
  assert.equal(await words("web", "--", vite), "");
  await file("services: { web: { framework: vit } }\n");
  const { code, stderr } = await run(["run", "web", "--", vite]);
  assert.equal(code, 2);
  assert.match(stderr, /portd\.yaml:1:\d+.*"framework" must be .*, got "vit"; did you mean "vite"\?\n$/);
});

commandTest(
  "portd run says what it added; --no-inject and a placeholder leave the command alone",
  async ({ run, cwd }) => {
    await Deno.mkdir(`${cwd}/bin`);
    await Deno.writeTextFile(`${cwd}/bin/vite`, `#!/bin/sh\necho "$@" >'${cwd}/words'\n`, { mode: 0o755 });
    const words = async (...args: readonly string[]) => {
      const { code, stderr } = await run(["run", "web", ...args]);
      assert.equal(code, 0, stderr);
      return [(await Deno.readTextFile(`${cwd}/words`)).trim(), stderr] as const;
    };
    const [added, note] = await words("--", `${cwd}/bin/vite`, "--host");
    assert.match(added, /^--host --port \d+ --strictPort$/);
    assert.match(note, /^portd: Vite: added --port \d+ --strictPort\n$/);
    assert.deepEqual(await words("--no-inject", "--", `${cwd}/bin/vite`), ["", ""]);
    assert.match((await words("--", `${cwd}/bin/vite`, "{port}"))[0], /^\d+$/);
  },
);
