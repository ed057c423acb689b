/** Debian in a folder, made by debootstrap, which checks the archive's signature. */
import { linux, type Requirement, root, tools } from "./requirement.ts";
import { runTool } from "./tool.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** What a test needs that uses such a folder. */
export const DEBIAN_ROOT: readonly Requirement[] = [
  linux,
  root,
  tools("debootstrap", "gpgv", "unshare", "mount", "chroot"),
  debianMirror,
];

/** apt knows a mirror of Debian, and Debian's keys to check its archive are installed. */
function debianMirror(): string | undefined {
  if (findMirror() === undefined) return "needs a mirror of Debian among the sources of apt";
  try {
    return Deno.statSync(KEYRING).isFile ? undefined : `needs ${KEYRING}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `needs ${KEYRING}`;
    throw error;
  }
}

/** Puts a small Debian with these packages into a folder. */
export async function makeDebian(folder: string, suite: string, packages: readonly string[]): Promise<void> {
  const options = ["--variant=minbase", `--include=${packages.join(",")}`, `--keyring=${KEYRING}`];
  // In a mount namespace of its own: its mounts end with it, however it ends.
  await runTool("unshare", ["--mount", "debootstrap", ...options, suite, folder, findMirror()!]);
  await Deno.remove(`${folder}/var/cache/apt/archives`, { recursive: true });
  await Deno.writeTextFile(`${folder}/etc/hosts`, "127.0.0.1 localhost\n::1 localhost\n");
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
    if (!(error instanceof Deno.errors.NotFound)) throw error; // no apt, or no such folder or file
  }
}

/** The first archive of Debian in a file of apt sources, in either of the formats of sources.list(5). */
function parseMirror(text: string): string | undefined {
  const lines = text.split("\n").filter((line) => /^(URIs:|deb\s)/i.test(line));
  return lines.flatMap((line) => line.split(/\s+/)).find((word) => /^https?:\/\/\S+\/debian\/?$/.test(word));
}
