/** What the files for agents must know of a project. */
import type { ProjectFacts } from "../../agent/agent_files.ts";
import { ifThere } from "../../errors.ts";
import { FileTooLongError, readBounded } from "../../state/own_file.ts";

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
  const manager = MANAGERS.find(([file]) => isFile(`${root}/${file}`))?.[1] ?? "npm";
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

/** The content of a file; `undefined` where there is none. Opening a pipe would wait for its writer. */
function textOf(path: string): string | undefined {
  if (!isFile(path)) return undefined;
  try {
    return readBounded(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof FileTooLongError) return undefined;
    throw error;
  }
}

function isFile(path: string): boolean {
  return ifThere(() => Deno.statSync(path))?.isFile ?? false;
}
