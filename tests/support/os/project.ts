/** Projects as users have them. */
import { obtainFolder } from "./cache.ts";
import type { Installation } from "./installation.ts";
import type { Service } from "./run_scenario.ts";
import { runTool } from "./tool.ts";

const VITE = "vite@8.3.8";

/** Makes a folder with files. @returns its path. */
export async function makeProject(
  installation: Installation,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = `${installation.work}/${name}`;
  await Deno.mkdir(folder);
  for (const [file, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${file}`, text);
  return folder;
}

/** Makes a project `pages` that Python's http.server serves. */
export async function makePythonProject(installation: Installation): Promise<Service> {
  return {
    cwd: await makeProject(installation, "pages", { "index.html": "<h1>a page</h1>" }),
    command: ["python3", "-m", "http.server", "{port}"],
    page: /a page/,
    listener: /python\S* -m http\.server \d+/,
  };
}

/** Makes a project `shop` that Vite serves, by npx or by its script `dev`. */
export async function makeViteProject(installation: Installation): Promise<Service> {
  const cwd = await makeProject(installation, "shop", {
    "index.html": "<!doctype html><h1>a shop window</h1>",
    "package.json": JSON.stringify({
      name: "shop",
      private: true,
      type: "module",
      scripts: { dev: "vite --port $PORT --strictPort" },
    }),
  });
  // Node looks for packages in the folders above too: all projects and their worktrees find it.
  await Deno.symlink(`${await fetchVite(installation)}/node_modules`, `${installation.work}/node_modules`);
  return {
    cwd,
    command: ["npx", "-y", "vite", "--port", "{port}", "--strictPort"],
    page: /a shop window/,
    listener: /^node \S*vite\S* --port \d+ --strictPort/,
  };
}

async function fetchVite({ env }: Installation): Promise<string> {
  return await obtainFolder(VITE.replace("@", "-"), async (folder) => {
    await runTool("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, VITE], { cwd: folder, env });
  });
}
