/** Projects that somebody might have. */
import type { Installation } from "./installation.ts";
import type { Service } from "./run_scenario.ts";
import { runTool } from "./tool.ts";

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

/** Makes a Vite project, with Vite from the npm registry, and tells how it is served. */
export async function makeViteProject(installation: Installation): Promise<Service> {
  const cwd = await makeProject(installation, "shop", {
    "index.html": "<!doctype html><h1>a shop window</h1>",
    "package.json": JSON.stringify({ name: "shop", private: true, type: "module" }),
  });
  await runTool("npm", ["install", "--no-audit", "--no-fund", "vite@7"], { cwd, env: installation.env });
  return {
    cwd,
    command: ["npx", "-y", "vite", "--port", "{port}", "--strictPort"],
    page: /a shop window/,
    listener: /^node \S*vite\S* --port \d+ --strictPort/,
  };
}
