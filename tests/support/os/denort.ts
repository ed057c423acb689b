/**
 * The runtime part of Deno 2.4.2 for Linux x64, for where Deno's own download host cannot be reached: npm's package
 * `@vltpkg/cli-linux-x64` 0.0.0-18 holds programs that were compiled with it. The last 8 bytes of such a program are a
 * little-endian length L; the program without its last L bytes is the bare runtime.
 */
import { digestOf, fileOfPackage, testCacheFolder } from "./cache.ts";

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
  const folder = testCacheFolder();
  const path = `${folder}/denort-${DENORT_VERSION}`;
  if (await digestOf(path) === SHA256) return path;
  await Deno.mkdir(folder, { recursive: true });
  const scratch = await Deno.makeTempDir({ dir: folder });
  try {
    const program = await fileOfPackage(PACKAGE, "vlx", scratch);
    await cutToRuntime(program);
    const digest = await digestOf(program);
    if (digest !== SHA256) throw new Error(`Cannot use the runtime in ${PACKAGE}: its sha256 is ${digest}`);
    await Deno.chmod(program, 0o755);
    await Deno.rename(program, path);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return path;
}

async function cutToRuntime(program: string): Promise<void> {
  using file = await Deno.open(program, { read: true, write: true });
  const { size } = await file.stat();
  const trailer = new Uint8Array(8);
  await file.seek(-8, Deno.SeekMode.End);
  await file.read(trailer);
  await file.truncate(size - Number(new DataView(trailer.buffer).getBigUint64(0, true)));
}
