/** Packages of the npm registry, kept between test runs. */
import { obtainFolder } from "./cache.ts";
import { runTool } from "./tool.ts";

/** Installs one package that is a program. @returns its folder. */
export async function obtainPackage(spec: string): Promise<string> {
  const folder = await obtainFolder(spec.replaceAll(/[@/]/g, "-"), async (folder) => {
    await runTool("npm", ["install", "--no-audit", "--no-fund", "--force", "--prefix", folder, spec], { cwd: folder });
  });
  return `${folder}/node_modules/${spec.replace(/@[^@]*$/, "")}`;
}

/** Fetches packages as they are packed. @returns the folder with their archives. */
export async function obtainTarballs(specs: readonly string[]): Promise<string> {
  return await obtainFolder(
    `tarballs${specs.map((spec) => spec.replaceAll(/[@/]/g, "-")).join("")}`,
    async (folder) => {
      await runTool("npm", ["pack", "--silent", "--pack-destination", folder, ...specs], { cwd: folder });
    },
  );
}
