/** Debian in a folder, made by debootstrap, which checks the archive's signature; kept in the user's cache folder. */
import { testCacheFolder } from "./cache.ts";
import { linux, type Requirement, root, tools } from "./requirement.ts";
import { runTool } from "./tool.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** What a test needs that has such a folder. */
export const DEBIAN_ROOT: readonly Requirement[] = [
  linux,
  root,
  tools("debootstrap", "gpgv", "unshare", "mount", "chroot"),
  debianMirror,
];

/** Tells what is lacking where no mirror of Debian is known, whose archive could be checked. */
function debianMirror(): string | undefined {
  if (findMirror() === undefined) return "needs a mirror of Debian among the sources of apt";
  try {
    return Deno.statSync(KEYRING).isFile ? undefined : `needs ${KEYRING}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `needs ${KEYRING}`;
    throw error;
  }
}

/** Options of {@linkcode obtainRoot}. */
export interface RootOptions {
  /** What it is for; who makes another for the same waits for the first. */
  readonly purpose: string;
  /** Part of the name of what is kept; to be changed with anything that makes it another. */
  readonly recipe: string;
  /** Makes it in a folder that is not there yet. @param scratch is a folder for what is not to stay. */
  readonly make: (folder: string, scratch: string) => Promise<void>;
}

/** Answers the folder of the root; makes it on the first call. Nothing may be written in it. */
export async function obtainRoot({ purpose, recipe, make }: RootOptions): Promise<string> {
  const folder = testCacheFolder();
  const path = `${folder}/${purpose}-${recipe}`;
  await Deno.mkdir(folder, { recursive: true });
  using lock = await Deno.open(`${folder}/${purpose}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await isThere(path)) return path;
  const scratch = await Deno.makeTempDir({ dir: folder });
  try {
    await make(`${scratch}/root`, scratch);
    await Deno.rename(`${scratch}/root`, path);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return path;
}

/** Makes a small Debian with these packages. */
export async function makeDebian(folder: string, suite: string, packages: readonly string[]): Promise<void> {
  const options = ["--variant=minbase", `--include=${packages.join(",")}`, `--keyring=${KEYRING}`];
  // In a mount namespace of its own: what it mounts goes with it, however it ends.
  await runTool("unshare", ["--mount", "debootstrap", ...options, suite, folder, findMirror()!]);
  await Deno.remove(`${folder}/var/cache/apt/archives`, { recursive: true });
  await Deno.writeTextFile(`${folder}/etc/hosts`, "127.0.0.1 localhost\n::1 localhost\n");
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The mirror that this machine's own packages come from. */
function findMirror(): string | undefined {
  return [...sourceFiles("/etc/apt")].map((path) => parseMirror(Deno.readTextFileSync(path)))
    .find((mirror) => mirror !== undefined);
}

function* sourceFiles(folder: string): Generator<string> {
  try {
    for (const { name, isFile } of Deno.readDirSync(`${folder}/sources.list.d`)) {
      if (isFile && /\.(list|sources)$/.test(name)) yield `${folder}/sources.list.d/${name}`;
    }
    if (Deno.statSync(`${folder}/sources.list`).isFile) yield `${folder}/sources.list`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // no apt, or all sources in one place
  }
}

/** The first archive of Debian in a file of apt sources, in either of its formats; sources.list(5). */
export function parseMirror(text: string): string | undefined {
  const lines = text.split("\n").filter((line) => /^(URIs:|deb\s)/i.test(line));
  return lines.flatMap((line) => line.split(/\s+/)).find((word) => /^https?:\/\/\S+\/debian\/?$/.test(word));
}
