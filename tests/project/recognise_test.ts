/** Which dev server a command starts, and what gives it a port. */
import assert from "node:assert/strict";
import { FRAMEWORKS } from "../../src/project/frameworks.ts";
import { tableRows } from "../support/docs/markdown.ts";
import { mayBeKnown } from "../../src/cli/run/command_words.ts";
import { lastCommandOf, recognise, scriptOf } from "../../src/project/recognise.ts";

const words = (text: string) => text.split(" ").filter((word) => word !== "");

const KNOWN: Readonly<Record<string, string>> = {
  "vite": "Vite",
  "npx vite": "Vite",
  "npx -y vite@8 dev": "Vite",
  "pnpm exec vite --host": "Vite",
  "node node_modules/vite/bin/vite.js": "Vite",
  "./node_modules/.bin/vite preview": "Vite",
  "NODE_ENV=development vite": "Vite",
  "cross-env A=b vite": "Vite",
  "vitest --ui": "Vitest",
  "react-router dev": "React Router",
  "astro dev": "Astro",
  "next dev --turbo": "Next.js",
  "nuxt dev": "Nuxt",
  "nuxi dev": "Nuxt",
  "ng serve": "Angular",
  "vue-cli-service serve": "Vue CLI",
  "webpack serve --mode development": "webpack",
  "webpack-dev-server": "webpack-dev-server",
  "rspack serve": "Rspack",
  "rsbuild dev": "Rsbuild",
  "parcel index.html": "Parcel",
  "gatsby develop": "Gatsby",
  "docusaurus start": "Docusaurus",
  "npx @11ty/eleventy --serve": "Eleventy",
  "expo start": "Expo",
  "storybook dev": "Storybook",
  "wrangler dev": "Wrangler",
  "npx http-server dist": "http-server",
  "npx serve dist": "serve",
  "deno serve main.ts": "Deno",
  "python manage.py runserver": "Django",
  "uv run manage.py runserver": "Django",
  "./manage.py runserver_plus": "Django",
  "flask run": "Flask",
  "python3 -m flask --app app run": "Flask",
  "uvicorn app:app --reload": "uvicorn",
  "poetry run uvicorn app:app": "uvicorn",
  "fastapi dev": "FastAPI",
  "gunicorn app:app": "gunicorn",
  "python3 -m http.server": "http.server",
  "mkdocs serve": "MkDocs",
  "jupyter lab": "Jupyter",
  "jupyter-notebook --no-browser": "Jupyter",
  "rails server": "Rails",
  "bundle exec rails s": "Rails",
  "bin/rails s": "Rails",
  "rackup": "rackup",
  "bundle exec puma -C config/puma.rb": "Puma",
  "jekyll serve": "Jekyll",
  "bundle exec jekyll serve --livereload": "Jekyll",
  "hugo server": "Hugo",
  "php artisan serve": "Laravel",
  "php -S localhost:8000": "PHP",
  "php8.2 -S localhost:8000 -t public": "PHP",
};

for (const [text, name] of Object.entries(KNOWN)) {
  Deno.test(`${text} starts ${name}`, () => assert.equal(recognise(words(text))?.framework.name, name));
}

Deno.test("the quick look at a command passes over none of them", () => {
  for (const text of Object.keys(KNOWN)) assert.ok(mayBeKnown(words(text)), text);
  for (const text of ["true", "make dev", "./server", "cargo run", "sh -c vite", ""]) {
    assert.ok(!mayBeKnown(words(text)), text);
  }
});

Deno.test("every server of the table is recognised in a test, and has a source", () => {
  assert.deepEqual([...new Set(Object.values(KNOWN))].sort(), FRAMEWORKS.map(({ name }) => name).sort());
  for (const { source } of FRAMEWORKS) assert.match(source, /^https:\/\//);
});

Deno.test("what builds, or is another program, is left alone", () => {
  const others = [
    "vite build",
    "next build",
    "astro check",
    "webpack --mode production",
    "python manage.py migrate",
    "flask shell",
  ];
  for (
    const text of [
      ...others,
      "rails console",
      "hugo",
      "php artisan",
      "php artisan migrate",
      "php serve.php",
      "node server.mjs",
      "npm run dev",
      "make dev",
      "",
      "vitest",
    ]
  ) {
    assert.equal(recognise(words(text)), undefined, text);
  }
});

Deno.test("a port that the command has already is seen", () => {
  const with_ = [
    "vite --port 3000",
    "vite --port=3000",
    "next dev -p 3000",
    "python3 -m http.server 8000",
    "serve -l 3000",
  ];
  for (const text of [...with_, "python manage.py runserver 0.0.0.0:8000", "gunicorn -b :8000 app:app"]) {
    assert.equal(recognise(words(text))?.hasPort, true, text);
  }
  assert.equal(recognise(words("vite --host 0.0.0.0"))?.hasPort, false);
});

Deno.test("scripts of package managers are known", () => {
  const call = (text: string) => {
    const { folder, isOfWorkspace, ...rest } = scriptOf(words(text)) ?? {};
    assert.ok(folder === undefined && !isOfWorkspace);
    return rest;
  };
  assert.deepEqual(call("npm run dev"), { script: "dev", takesDashes: true, more: [] });
  assert.deepEqual(call("npm start"), { script: "start", takesDashes: true, more: [] });
  assert.deepEqual(call("npm run dev -- --host"), { script: "dev", takesDashes: true, more: ["--host"] });
  assert.deepEqual(call("npm --silent run dev --host"), { script: "dev", takesDashes: true, more: ["--host"] });
  assert.deepEqual(call("pnpm run dev web"), { script: "dev", takesDashes: false, more: ["web"] });
  assert.deepEqual(call("pnpm dev"), { script: "dev", takesDashes: false, more: [] });
  assert.deepEqual(call("yarn dev"), { script: "dev", takesDashes: false, more: [] });
  assert.deepEqual(call("bun run dev"), { script: "dev", takesDashes: false, more: [] });
  for (const text of ["npm install", "pnpm install", "npm exec vite", "yarn dlx vite", "npx vite", "npm run", "npm"]) {
    assert.equal(scriptOf(words(text)), undefined, text);
  }
});

Deno.test("the last command of a script is what words are appended to", () => {
  assert.deepEqual(lastCommandOf("tsc && vite --host"), ["vite", "--host"]);
  for (
    const text of [
      "vite --port $PORT",
      "vite --port %PORT%",
      "vite & node api.js",
      "vite | cat",
      "vite # see vite.config.ts",
      "vite\nnode api.js",
      "sh -c 'vite'",
      "",
      'concurrently "vite"',
    ]
  ) {
    assert.equal(lastCommandOf(text), undefined, text);
  }
});

Deno.test("docs/dev-servers.md tells of every server, how it is started and what it gets", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/dev-servers.md", import.meta.url));
  const rows = tableRows(text).filter(([server]) => server?.startsWith("["));
  const told = rows.map(([server = "", command = "", gets = ""]) => {
    const [, name, source] = /^\[(.+)\]\((.+)\)$/.exec(server) ?? [];
    return {
      name,
      source,
      found: recognise(words(command.replaceAll("`", "")))?.framework.name,
      gets: gets.replaceAll("`", ""),
    };
  });
  assert.deepEqual(
    told.map(({ name, source }) => [name, source]),
    FRAMEWORKS.map(({ name, source }) => [name, source]),
  );
  for (const { name, found } of told) assert.equal(found, name);
  const added = FRAMEWORKS.filter(({ rewrite }) => rewrite === undefined).map((
    { name, words },
  ) => [name, words(8080).join(" ")]);
  const shown = new Map(told.map(({ name, gets }) => [name, gets.replaceAll("PORT", "8080")]));
  assert.deepEqual(added.map(([name]) => [name, shown.get(name)]), added);
  const sides = tableRows(text).filter(([name, lease]) => lease?.startsWith("`web-") && name !== "Node.js");
  assert.deepEqual(
    sides.map(([name, lease, , gets]) => [name, lease, gets]),
    FRAMEWORKS.flatMap(({ name, sides = [] }) =>
      sides.map((side) => [name, `\`web-${side.name}\``, `\`${side.words(1).join(" ").replace("1", "PORT")}\``])
    ),
  );
});
