/** What the files for agents must know of a project. */
import type { ProjectFacts } from "../../agent/agent_files.ts";

/** The scripts of package.json that start a dev server, the first that is there. */
const DEV_SCRIPTS = ["dev", "start"] as const;
/** The package managers by the lock files that they write; npm where there is none. */
const MANAGERS = [["pnpm-lock.yaml", "pnpm"], ["yarn.lock", "yarn"], ["bun.lock", "bun"], [
  "bun.lockb",
  "bun",
]] as const;

/** Reads them from the folder of the project. */
export function readProjectFacts(root: string, name: string): ProjectFacts {
  const script = DEV_SCRIPTS.find((each) => scriptsOf(root)[each] !== undefined);
  const manager = MANAGERS.find(([file]) => textOf(`${root}/${file}`) !== undefined)?.[1] ?? "npm";
  return { name, devCommand: script && [manager, "run", script] };
}

/** The scripts of package.json; none where it cannot be read. */
function scriptsOf(root: string): Readonly<Record<string, unknown>> {
  try {
    const content = JSON.parse(textOf(`${root}/package.json`) ?? "{}") as { readonly scripts?: unknown } | null;
    const scripts = content?.scripts;
    return typeof scripts === "object" && scripts !== null ? scripts as Record<string, unknown> : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory) return undefined;
    throw error;
  }
}
