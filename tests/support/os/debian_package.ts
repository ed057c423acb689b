/** Programs of Debian packages that are not installed, but only unpacked into a folder. */
import { type Requirement, root, tools } from "./requirement.ts";
import { runTool } from "./tool.ts";

/** The test unpacks these packages. Where apt does not know them, its lists are fetched first. */
export function debianPackages(...names: readonly string[]): Requirement {
  return () => {
    const lacking = tools("apt-get", "apt-cache", "dpkg-deb")();
    if (lacking !== undefined) return lacking;
    const isKnown = () => names.every((name) => succeeds("apt-cache", "show", name));
    if (isKnown() || (root() === undefined && succeeds("apt-get", "update", "-qq") && isKnown())) return undefined;
    return `needs apt to know ${names.join(", ")}`;
  };
}

/** Downloads packages and unpacks them into a folder, over each other; runs none of their scripts. */
export async function unpackDebianPackages(folder: string, names: readonly string[]): Promise<void> {
  const downloads = `${folder}/.downloads`;
  await Deno.mkdir(downloads);
  await runTool("apt-get", ["download", "-qq", ...names], { cwd: downloads });
  for await (const { name } of Deno.readDir(downloads)) {
    await runTool("dpkg-deb", ["-x", `${downloads}/${name}`, folder]);
  }
}

/** The packages that one depends on whose names match. */
export async function dependenciesOf(name: string, pattern: RegExp): Promise<string[]> {
  const lines = (await runTool("apt-cache", ["depends", "--important", name])).split("\n");
  const names = lines.map((line) => /^\s*\|?Depends: ([^<>\s]+)$/.exec(line)?.[1]);
  return names.filter((found) => found !== undefined).filter((found) => pattern.test(found));
}

function succeeds(program: string, ...args: readonly string[]): boolean {
  return new Deno.Command(program, { args: [...args], stdin: "null", stdout: "null", stderr: "null" })
    .outputSync().success;
}
