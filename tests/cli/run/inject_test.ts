/** What `portd run` adds to the commands of dev servers. */
import assert from "node:assert/strict";
import { injectPort } from "../../../src/cli/run/inject.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandTest } from "../../support/command_setting.ts";

const inject = (text: string, cwd = "/nowhere") => injectPort(text.split(" "), 5173, cwd);

Deno.test("a dev server gets the port, and what keeps it from taking another one", () => {
  assert.deepEqual(inject("npx vite --host"), {
    words: ["npx", "vite", "--host", "--port", "5173", "--strictPort"],
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
