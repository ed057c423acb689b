/** When a release was made: not when its packages were, so that they are the same whenever that is. */
import { ROOT } from "./bundle.ts";

/**
 * In seconds since 1970: what SOURCE_DATE_EPOCH says (https://reproducible-builds.org/specs/source-date-epoch/), else the
 * time of the commit that is checked out.
 *
 * @throws {Error} where neither is known.
 */
export async function releaseTime(): Promise<number> {
  const text = Deno.env.get("SOURCE_DATE_EPOCH") ?? await commitTime();
  if (/^\d{1,11}$/.test(text)) return Number(text);
  throw new Error(
    `Cannot use ${JSON.stringify(text)} as the time of the release: SOURCE_DATE_EPOCH must be in seconds`,
  );
}

async function commitTime(): Promise<string> {
  const args = ["-C", ROOT, "log", "-1", "--format=%ct"];
  const said = await new Deno.Command("git", { args, stdin: "null" }).output().catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (said?.success) return new TextDecoder().decode(said.stdout).trim();
  throw new Error(
    "Cannot find the time of the release: this is no clone of git; set SOURCE_DATE_EPOCH to it, in seconds",
  );
}
