/**
 * Wine 10 with Deno for Windows: Debian 13 in a folder, made by debootstrap, which checks the archive's signature; the
 * Wine of Debian 12 is too old for Deno. The first time takes about a minute and a half, and 2 GB.
 */
import { digestOf, fileOfPackage, testCacheFolder } from "./cache.ts";
import { linux, type Requirement, root, tools, x64 } from "./requirement.ts";
import { runTool } from "./tool.ts";

const SUITE = "trixie";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const DENO_PACKAGE = "@deno/win32-x64@2.9.5";
const DENO_SHA256 = "98f8c2a2d470e4ccb04c935c86ff8050817d877762aec5eaeeb9e409ccb3b9fd";
/** Part of the name of what is kept; to be changed with anything that makes it another. */
const RECIPE = "debian13-deno2.9.5-1";

/** What a test needs that runs programs of Windows. */
export const WINE: readonly Requirement[] = [
  linux,
  x64,
  root,
  tools("debootstrap", "gpgv", "unshare", "nsenter", "mount", "chroot", "npm", "tar"),
  debianMirror,
];

/** Where things are in the root, as programs of Linux see them. */
export const BOX = "/box", PREFIX = "/prefix";
/** Deno for Windows, as programs of Windows see it. */
export const DENO_EXE = `Z:\\box\\deno.exe`;

/** What runs a program of Windows, in the root. */
export const WINE64 = "/usr/lib/wine/wine64";
const WINESERVER = "/usr/lib/wine/wineserver64";

/** The whole environment of Wine; programs of Windows get it too. */
export const WINE_ENV: Readonly<Record<string, string>> = {
  HOME: "/root",
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  WINEPREFIX: PREFIX,
  WINEDEBUG: "-all",
  XDG_RUNTIME_DIR: "/tmp",
  NO_COLOR: "1",
};

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

/**
 * Answers the folder of the root; makes it on the first call and keeps it in the user's cache folder. Nothing may be
 * written in it.
 */
export async function obtainWineRoot(): Promise<string> {
  const folder = testCacheFolder();
  const path = `${folder}/wine-${RECIPE}`;
  await Deno.mkdir(folder, { recursive: true });
  using lock = await Deno.open(`${folder}/wine.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await isThere(path)) return path;
  const scratch = await Deno.makeTempDir({ dir: folder });
  try {
    const made = `${scratch}/root`;
    await makeDebian(made);
    await Deno.mkdir(made + BOX);
    await addDeno(`${made}${BOX}/deno.exe`, scratch);
    await makePrefix(made);
    await Deno.rename(made, path);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return path;
}

async function makeDebian(folder: string): Promise<void> {
  const options = ["--variant=minbase", "--include=wine64", `--keyring=${KEYRING}`];
  // In a mount namespace of its own: what it mounts goes with it, however it ends.
  await runTool("unshare", ["--mount", "debootstrap", ...options, SUITE, folder, findMirror()!]);
  await Deno.remove(`${folder}/var/cache/apt/archives`, { recursive: true });
  await Deno.writeTextFile(`${folder}/etc/hosts`, "127.0.0.1 localhost\n::1 localhost\n");
}

async function addDeno(path: string, scratch: string): Promise<void> {
  const program = await fileOfPackage(DENO_PACKAGE, "deno.exe", scratch);
  const digest = await digestOf(program);
  if (digest !== DENO_SHA256) throw new Error(`Cannot use deno.exe of ${DENO_PACKAGE}: its sha256 is ${digest}`);
  await Deno.rename(program, path);
}

/** Makes Wine's folder of drive C and of the registry, and waits until the registry is written. */
async function makePrefix(folder: string): Promise<void> {
  const env = WINE_ENV;
  await runTool("unshare", [`--root=${folder}`, "--mount", "--mount-proc", WINE64, "wineboot", "-i"], { env });
  await runTool("chroot", [folder, WINESERVER, "-w"], { env });
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
