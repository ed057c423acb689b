/** A checkout with linked worktrees, each a Vite project that is started by `npm run dev`. */
import { testCacheFolder } from "./cache.ts";
import type { Installation } from "./installation.ts";
import { makeProject } from "./project.ts";
import { runTool } from "./tool.ts";

/** One of the working copies. */
export interface Worktree {
  readonly cwd: string;
  /** What portd calls the project of it. */
  readonly project: string;
}

const VITE = "vite@8.3.8";

/** Makes so many working copies, the main one among them. Vite is fetched once and is the same for all of them. */
export async function makeViteWorktrees(installation: Installation, count: number): Promise<readonly Worktree[]> {
  const cwd = await makeProject(installation, "shop", {
    "index.html": "<!doctype html><h1>a shop window</h1>",
    "package.json": JSON.stringify({
      name: "shop",
      private: true,
      type: "module",
      scripts: { dev: "vite --port $PORT --strictPort" },
    }),
  });
  // Node looks for packages in the folders above as well.
  await Deno.symlink(`${await fetchVite(installation)}/node_modules`, `${installation.work}/node_modules`);
  const author = ["-c", "user.name=portd", "-c", "user.email=portd@localhost"];
  const git = (...args: readonly string[]) => runTool("git", [...author, ...args], { cwd, env: installation.env });
  await git("init", "--quiet");
  await git("add", ".");
  await git("commit", "--quiet", "--message", "A shop");
  const worktrees: Worktree[] = [{ cwd, project: "shop" }];
  for (let i = 1; i < count; i++) {
    const [branch, folder] = [`task-${i}`, `${installation.work}/shop-${i}`];
    await git("worktree", "add", "--quiet", "-b", branch, folder);
    worktrees.push({ cwd: folder, project: `shop@${branch}` });
  }
  return worktrees;
}

/** @returns the folder that it is installed in. */
async function fetchVite({ env }: Installation): Promise<string> {
  const folder = `${testCacheFolder()}/${VITE.replace("@", "-")}`;
  await Deno.mkdir(folder, { recursive: true });
  await runTool("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, VITE], { cwd: folder, env });
  return folder;
}
