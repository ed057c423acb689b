/** A checkout with linked worktrees, each a Vite project. */
import type { Installation } from "./installation.ts";
import { makeViteProject } from "./project.ts";
import { runTool } from "./tool.ts";

/** One of the working copies. */
export interface Worktree {
  readonly cwd: string;
  /** The name that portd gives its project. */
  readonly project: string;
}

/** Makes so many working copies, one of them the main one. */
export async function makeViteWorktrees(installation: Installation, count: number): Promise<readonly Worktree[]> {
  const { cwd } = await makeViteProject(installation);
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
