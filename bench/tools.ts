/** Programs that the benchmark calls, and the Debian packages that they are in. */

/** A program that must be installed. */
export interface Tool {
  readonly program: string;
  /** Name of the Debian package. */
  readonly debian: string;
}

export const BASH: Tool = { program: "bash", debian: "bash" };
export const WRK: Tool = { program: "wrk", debian: "wrk" };
export const CURL: Tool = { program: "curl", debian: "curl" };
export const SS: Tool = { program: "ss", debian: "iproute2" };
export const NFT: Tool = { program: "nft", debian: "nftables" };
export const UNSHARE: Tool = { program: "unshare", debian: "util-linux" };
export const PORTSERVER: Tool = { program: "portserver", debian: "python3-portpicker" };
export const CHROMIUM: Tool = { program: "chromium", debian: "chromium" };

/** Those of the tools that are in no folder of the search path. */
export function missingTools(tools: readonly Tool[], searchPath: string): Tool[] {
  return tools.filter(({ program }) => !searchPath.split(":").some((folder) => isFile(`${folder}/${program}`)));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
