import assert from "node:assert/strict";
import { shortCommand } from "../../src/process/command_line.ts";

Deno.test("shortCommand() takes the program's folder away, quoted or not, and keeps the program and the end", () => {
  assert.equal(shortCommand("/usr/bin/python3 -m http.server", 80), "python3 -m http.server");
  assert.equal(shortCommand('"C:\\Program Files\\nodejs\\node.exe" a/b.js', 80), "node.exe a/b.js");
  assert.equal(shortCommand("vite", 80), "vite");
  assert.equal(shortCommand("[kworker/0:1]", 80), "[kworker/0:1]");
  assert.equal(shortCommand("", 80), "");
  assert.equal(shortCommand("deno run main.ts", 8), "…main.ts");
  assert.equal(shortCommand("portd run web -- npm run dev -- --port 20417", 24), "portd …v -- --port 20417");
});

/** Command lines as systems show them, and as people write them. */
const SCRIPTS = {
  "node /home/me/shop/node_modules/.bin/vite --port 20417": "vite --port 20417",
  "/usr/bin/node /home/me/shop/node_modules/vite/bin/vite.js --port 20417": "vite --port 20417",
  "node /x/node_modules/.pnpm/next@15/node_modules/next/dist/bin/next dev": "next dev",
  "node node_modules/@angular/cli/bin/ng.js serve": "ng serve",
  "node /x/node_modules/@storybook/cli/bin/index.cjs dev": "@storybook/cli dev",
  "node /x/node_modules/serve/build/main.js -l 80": "serve -l 80",
  '"C:\\Program Files\\nodejs\\node.exe" "C:\\my shop\\node_modules\\vite\\bin\\vite.js" --port 80': "vite --port 80",
  "/usr/bin/python3 /usr/local/bin/gunicorn app:app": "gunicorn app:app",
  "python3.12 /home/me/shop/manage.py runserver": "python3.12 manage.py runserver",
  "node /home/me/shop/server.mjs": "node server.mjs",
  "node server.mjs": "node server.mjs",
  "node --inspect=9229 /home/me/shop/node_modules/.bin/vite": "node --inspect=9229 vite",
  "deno run -A /home/me/shop/main.ts": "deno run -A main.ts",
  "sh -c vite --port 20417": "sh -c vite --port 20417",
  "python3 -m http.server 8000": "python3 -m http.server 8000",
  "node": "node",
  "java -jar /opt/app.jar": "java -jar /opt/app.jar",
} as const;

Deno.test("shortCommand() takes the interpreter and the folder of a script away", () => {
  for (const [command, short] of Object.entries(SCRIPTS)) assert.equal(shortCommand(command, 80), short);
});
