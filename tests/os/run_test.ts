/** Real servers under `portd run`. */
import { Installation } from "../support/os/installation.ts";
import { makeProject, makePythonProject, makeViteProject } from "../support/os/project.ts";
import { linux, npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { runService } from "../support/os/run_scenario.ts";

const NEEDS = [linux, tools("setsid", "python3")];

osTest("portd run serves a Vite project on the leased port and releases it at Ctrl-C", [
  ...NEEDS,
  tools("npx"),
  npmRegistry,
], async () => {
  await using installation = await Installation.create();
  await runService(installation, await makeViteProject(installation));
});

osTest("portd run serves a folder with Python's http.server and releases the port at Ctrl-C", NEEDS, async () => {
  await using installation = await Installation.create();
  await runService(installation, await makePythonProject(installation));
});

osTest("portd run gives a Deno server its port in PORT and releases it at Ctrl-C", NEEDS, async () => {
  await using installation = await Installation.create();
  const server = 'Deno.serve({ port: Number(Deno.env.get("PORT")) }, () => new Response("served by Deno"));';
  const cwd = await makeProject(installation, "api", { "server.ts": server });
  await runService(installation, {
    cwd,
    command: [Deno.execPath(), "run", "--no-config", "--allow-net", "--allow-env=PORT", "server.ts"],
    page: /^served by Deno$/,
    listener: /deno run .*server\.ts/,
  });
});
