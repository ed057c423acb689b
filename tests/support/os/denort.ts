/**
 * The runtime part of Deno 2.4.2 for Linux x64, for where Deno's own download host cannot be reached: npm's package
 * `@vltpkg/cli-linux-x64` 0.0.0-18 holds programs that were compiled with it. The last 8 bytes of such a program are a
 * little-endian length L; the program without its last L bytes is the bare runtime.
 */
import { digestOf, fileOfPackage, obtainFolder } from "./cache.ts";

/** The version of Deno that the runtime belongs to; the Deno that compiles must have the same. */
export const DENORT_VERSION = "2.4.2";
/** The length of the runtime; in a compiled program, what was embedded begins there. */
export const DENORT_BYTES = 85_186_368;

const PACKAGE = "@vltpkg/cli-linux-x64@0.0.0-18";
const SHA256 = "2705685d7478610b98dcd43acecd457a19810146323041c8af8a88f7dd0b5e82";

/** Answers the path of the runtime. @throws {Error} when the package does not hold it. */
export async function obtainDenort(): Promise<string> {
  const folder = await obtainFolder(`denort-${DENORT_VERSION}-linux-x64`, async (folder) => {
    const program = await fileOfPackage(PACKAGE, "vlx", folder);
    await cutToRuntime(program);
    const digest = await digestOf(program);
    if (digest !== SHA256) throw new Error(`Cannot use the runtime in ${PACKAGE}: its sha256 is ${digest}`);
    await Deno.chmod(program, 0o755);
    await Deno.rename(program, `${folder}/denort`);
  });
  return `${folder}/denort`;
}

async function cutToRuntime(program: string): Promise<void> {
  using file = await Deno.open(program, { read: true, write: true });
  const { size } = await file.stat();
  const trailer = new Uint8Array(8);
  await file.seek(-8, Deno.SeekMode.End);
  await file.read(trailer);
  await file.truncate(size - Number(new DataView(trailer.buffer).getBigUint64(0, true)));
}
