/**
 * A machine that has Node, npm and coreutils, and nothing else: a folder as `/`, with those programs of this machine, an
 * empty home, and a network of its own without a way out. It ends with us, with all that runs in it.
 */
import { NetworkNamespace } from "./netns.ts";
import type { Outcome } from "./installation.ts";
import { runTool } from "./tool.ts";

/** Where its commands are. */
const PATH = "/usr/bin";
const COREUTILS = ["cat", "chmod", "cp", "env", "ls", "mkdir", "mv", "rm", "sleep", "uname"];

/** Lays out the root: libraries and single programs of this machine, read-only, a few devices, and `/packages`. */
const FURNISH = `set -eu
root=$1 packages=$2 npm=$3
shift 3
mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/proc" "$root/dev" "$root/etc" "$root/tmp" "$root/root" "$root/work" "$root/packages"
ln -s usr/bin "$root/bin"
for folder in lib lib64; do
  mkdir -p "$root/$folder"
  if [ -e "/$folder" ]; then mount --bind "/$folder" "$root/$folder"; fi
done
mount --bind /usr/lib "$root/usr/lib"
mkdir -p "$root$npm"
mount --bind "$npm" "$root$npm"
mount --bind "$packages" "$root/packages"
for program in "$@"; do
  : >"$root/usr/bin/\${program##*/}"
  mount --bind "$(readlink -f "$program")" "$root/usr/bin/\${program##*/}"
done
for name in npm npx; do ln -s "$npm/bin/$name-cli.js" "$root/usr/bin/$name"; done
for device in null zero random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc proc "$root/proc"
echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
echo "127.0.0.1 localhost" >"$root/etc/hosts"`;

/** Made by {@linkcode CleanRoot.create}. */
export class CleanRoot implements AsyncDisposable {
  readonly #namespace: NetworkNamespace;
  readonly #folder: string;

  private constructor(namespace: NetworkNamespace, folder: string) {
    this.#namespace = namespace;
    this.#folder = folder;
  }

  /** @param packages is a folder of ours that is `/packages` in it. */
  static async create(packages: string): Promise<CleanRoot> {
    const folder = await Deno.makeTempDir({ prefix: "portd-clean-root-" });
    const namespace = await NetworkNamespace.create({ isWhole: true });
    const root = new CleanRoot(namespace, folder);
    try {
      await root.#furnish(packages);
    } catch (error) {
      await root[Symbol.asyncDispose]();
      throw error;
    }
    return root;
  }

  async #furnish(packages: string): Promise<void> {
    const npm = (await Deno.realPath(await which("npm"))).replace(/\/bin\/npm-cli\.js$/, "");
    const programs = await Promise.all(["node", "sh", ...COREUTILS].map(which));
    await this.#namespace.run("sh", "-c", FURNISH, "sh", this.#folder, packages, npm, ...programs);
  }

  /** The words in front of a command that is to run in it, in this folder. */
  enter(cwd: string): readonly [string, ...string[]] {
    const [program, ...enter] = this.#namespace.enter;
    // The chroot comes first: the folder is one of the new root.
    const clean = ["env", "-i", `PATH=${PATH}`, "HOME=/root", "NO_COLOR=1"];
    const inFolder = ["/usr/bin/env", "-C", cwd];
    return [program, ...enter, ...clean, "/usr/sbin/chroot", this.#folder, ...inFolder];
  }

  /** Runs a command in it to its end. */
  async outcome(cwd: string, ...words: readonly string[]): Promise<Outcome> {
    const [program, ...args] = this.enter(cwd);
    const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args, ...words], stdin: "null" })
      .output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  }

  /** Runs a command in it to its end. @returns what it wrote to stdout. @throws {Error} when it fails. */
  async run(cwd: string, ...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.outcome(cwd, ...words);
    if (code !== 0) throw new Error(`Cannot run ${words.join(" ")}: exit code ${code}: ${stderr}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#namespace[Symbol.asyncDispose](); // what runs in it, and its mounts, end with it
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function which(name: string): Promise<string> {
  return (await runTool("sh", ["-c", 'command -v "$1"', "sh", name])).trim();
}
