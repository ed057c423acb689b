/** Dev servers of JavaScript with their usual commands under `portd run`. docs/dev-servers.md has the results. */
import {
  closeSocket,
  type DevServer,
  nextMessage,
  openSocket,
  type Served,
  testDevServers,
} from "../support/os/dev_server.ts";
import { npmProject, QUIET } from "../support/os/npm_project.ts";
import { npmRegistry, tools } from "../support/os/requirement.ts";

const NPM = [tools("npm", "npx"), npmRegistry];
const PAGE = { "index.html": "<!doctype html><h1>a shop window</h1>" };

/** Connects as the script of Vite's page does, and changes a file. */
async function reloadsOfVite({ port, cwd }: Served): Promise<void> {
  const client = await (await fetch(`http://localhost:${port}/@vite/client`)).text();
  const [, token] = /wsToken = "([^"]*)"/.exec(client) ?? [];
  const socket = await openSocket(`ws://localhost:${port}/?token=${token}`, {
    protocol: "vite-hmr",
    first: /^\{"type":"connected"\}$/,
  });
  const change = nextMessage(socket, /"type":"full-reload"/);
  await Deno.writeTextFile(`${cwd}/index.html`, "<h1>another window</h1>");
  await change;
  await closeSocket(socket);
}

const SERVERS: readonly DevServer[] = [
  {
    name: "vite",
    always: true,
    needs: NPM,
    make: npmProject({
      name: "project-vite-8.3.8",
      files: {
        ...PAGE,
        "package.json": JSON.stringify({ name: "shop", private: true, type: "module", scripts: { dev: "vite" } }),
      },
      packages: ["vite@8.3.8"],
    }),
    command: ["npm", "run", "dev"],
    note: /^portd: Vite: added -- --port \d+ --strictPort$/m,
    page: /a shop window/,
    reloads: reloadsOfVite,
  },
  {
    name: "http-server",
    always: true,
    needs: NPM,
    make: npmProject({ name: "project-http-server-14.1.1", files: PAGE, packages: ["http-server@14.1.1"] }),
    command: ["npx", "http-server"],
    note: /^portd: http-server: added -p \d+$/m,
    page: /a shop window/,
  },
];

testDevServers(SERVERS.map((server) => ({ ...server, env: { ...QUIET, ...server.env } })));
