/** Dev servers with their usual commands under `portd run`: the leased port, hot reload, two copies, and no process left. */
import assert from "node:assert/strict";
import { obtainFolder } from "../support/os/cache.ts";
import { Installation } from "../support/os/installation.ts";
import { makeProject, makeViteProject } from "../support/os/project.ts";
import { linux, npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { commandsOf, isListening, killCommandsOf, listens, Run, untilAll } from "../support/os/runs.ts";
import { runTool } from "../support/os/tool.ts";

const HTTP_SERVER = "http-server@14.1.1";

/** A dev server as people start it. */
interface DevServer {
  readonly name: string;
  /** Makes a copy of the project. @returns its folder. */
  readonly make: (installation: Installation, copy: string) => Promise<string>;
  readonly command: readonly string[];
  /** What the line on stderr says. */
  readonly note: RegExp;
  readonly page: RegExp;
  /** Whether its hot reload answers at this port. */
  readonly reloads?: (port: number) => Promise<void>;
}

/** Connects as the script of Vite's page does. */
async function connectToVite(port: number): Promise<void> {
  const client = await (await fetch(`http://localhost:${port}/@vite/client`)).text();
  const [, token] = /wsToken = "([^"]*)"/.exec(client) ?? [];
  const socket = new WebSocket(`ws://localhost:${port}/?token=${token}`, "vite-hmr");
  const message = await new Promise<string>((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(String(data));
    socket.onerror = () => reject(new Error("Cannot connect to the hot reload"));
  });
  assert.deepEqual(JSON.parse(message), { type: "connected" });
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
}

const page = { "index.html": "<!doctype html><h1>a shop window</h1>" };

const SERVERS: readonly DevServer[] = [
  {
    name: "Vite by npm run dev",
    async make(installation, copy) {
      const scripts = { dev: "vite" };
      const files = {
        ...page,
        "package.json": JSON.stringify({ name: "shop", private: true, type: "module", scripts }),
      };
      return await makeProject(installation, copy, files);
    },
    command: ["npm", "run", "dev"],
    note: /^portd: Vite: added -- --port \d+ --strictPort$/m,
    page: /a shop window/,
    reloads: connectToVite,
  },
  {
    name: "Python's http.server",
    make: (installation, copy) => makeProject(installation, copy, page),
    command: ["python3", "-m", "http.server"],
    note: /^portd: http\.server: added \d+$/m,
    page: /a shop window/,
  },
  {
    name: "http-server by npx",
    async make(installation, copy) {
      const cwd = await makeProject(installation, copy, page);
      const folder = await obtainFolder(HTTP_SERVER.replace("@", "-"), async (folder) => {
        await runTool("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, HTTP_SERVER], { cwd: folder });
      });
      await Deno.symlink(`${folder}/node_modules`, `${cwd}/node_modules`);
      return cwd;
    },
    command: ["npx", "http-server"],
    note: /^portd: http-server: added -p \d+$/m,
    page: /a shop window/,
  },
];

for (const { name, make, command, note, page, reloads } of SERVERS) {
  osTest(`${name}: two copies side by side, each on its port`, [
    linux,
    tools("npm", "npx", "setsid", "python3"),
    npmRegistry,
  ], async () => {
    const installation = await Installation.create({ env: { PORTD_WATCH_MS: "200" } });
    try {
      if (reloads !== undefined) await makeViteProject(installation); // its packages are for all projects beside it
      await installation.answer(["serve", "--detach"]);
      const copies = ["one", "two"];
      const runs: Run[] = [];
      for (const copy of copies) runs.push(Run.start(installation, { cwd: await make(installation, copy), command }));
      const leases = await untilAll(installation, copies.map((copy) => `${copy}/web`), isListening);
      assert.notEqual(leases[0]!.port, leases[1]!.port);
      for (const { port } of leases) {
        assert.match(await (await fetch(`http://localhost:${port}/`)).text(), page);
        await reloads?.(port);
      }
      for (const run of runs) run.signal("SIGINT");
      for (const run of runs) {
        await run.code();
        assert.match(await run.stderr(), note);
      }
      assert.deepEqual(commandsOf(installation), []);
      for (const { port } of leases) assert.equal(await listens(port), false);
    } finally {
      killCommandsOf(installation);
      await installation[Symbol.asyncDispose]();
    }
  });
}
