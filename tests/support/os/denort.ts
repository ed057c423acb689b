/**
 * The runtime part of Deno 2.4.2 for Linux x64, for where Deno's own download host cannot be reached: npm's package
 * `@vltpkg/cli-linux-x64` 0.0.0-18 holds programs that were compiled with it. The last 8 bytes of such a program are a
 * little-endian length L; the program without its last L bytes is the bare runtime.
 */
import { createHash } from "node:crypto";
import { runTool } from "./tool.ts";

/** The version of Deno that the runtime belongs to; what compiles must be the same. */
export const DENORT_VERSION = "2.4.2";
/** How long the runtime is; in a compiled program, what was embedded begins there. */
export const DENORT_BYTES = 85_186_368;

const PACKAGE = "@vltpkg/cli-linux-x64@0.0.0-18";
const SHA256 = "2705685d7478610b98dcd43acecd457a19810146323041c8af8a88f7dd0b5e82";

/**
 * Answers where the runtime lies; fetches it on the first call and keeps it in the user's cache folder.
 *
 * @throws {Error} when what was fetched is not the runtime.
 */
export async function obtainDenort(): Promise<string> {
  const folder = `${cacheFolder()}/portd-tests`;
  const path = `${folder}/denort-${DENORT_VERSION}`;
  if (await digestOf(path) === SHA256) return path;
  await Deno.mkdir(folder, { recursive: true });
  const scratch = await Deno.makeTempDir({ dir: folder });
  try {
    await runTool("npm", ["pack", "--silent", "--pack-destination", scratch, PACKAGE]);
    await runTool("tar", ["-xzf", await onlyFileIn(scratch), "-C", scratch, "package/vlx"]);
    await cutToRuntime(`${scratch}/package/vlx`);
    const digest = await digestOf(`${scratch}/package/vlx`);
    if (digest !== SHA256) throw new Error(`Cannot use the runtime in ${PACKAGE}: its sha256 is ${digest}`);
    await Deno.chmod(`${scratch}/package/vlx`, 0o755);
    await Deno.rename(`${scratch}/package/vlx`, path);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return path;
}

function cacheFolder(): string {
  const home = Deno.env.get("HOME");
  return Deno.env.get("XDG_CACHE_HOME") ?? (home === undefined ? "/var/tmp" : `${home}/.cache`);
}

async function onlyFileIn(folder: string): Promise<string> {
  for await (const entry of Deno.readDir(folder)) return `${folder}/${entry.name}`;
  throw new Error(`Cannot find what npm pack wrote to ${folder}`);
}

async function cutToRuntime(program: string): Promise<void> {
  using file = await Deno.open(program, { read: true, write: true });
  const { size } = await file.stat();
  const trailer = new Uint8Array(8);
  await file.seek(-8, Deno.SeekMode.End);
  await file.read(trailer);
  await file.truncate(size - Number(new DataView(trailer.buffer).getBigUint64(0, true)));
}

/** The sha256 of a file in hexadecimal, or `undefined` when there is no such file. */
async function digestOf(path: string): Promise<string | undefined> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const hash = createHash("sha256");
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}
