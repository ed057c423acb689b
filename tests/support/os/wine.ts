/**
 * Windows without Windows: Deno's own program for Windows under Wine, with this project. wine_root.ts makes the root
 * that is the same each time; this file runs programs on it and leaves nothing behind.
 *
 * They run in mount and pid namespaces of their own, which end with their first process, and that ends with us, however
 * we end: no process, no mount and no wineserver is left. All that is written goes to a file system in memory over the
 * root. The network is that of the tests.
 */
import { CHECKOUT, fetchPackages, npmRegistryAddress, SOURCES } from "./checkout.ts";
import { type Outcome, programFromSource } from "./installation.ts";
import { startNamespaces } from "./netns.ts";
import { runTool } from "./tool.ts";
import { BOX, DENO_EXE, obtainWineRoot, PREFIX, WINE64, WINE_ENV } from "./wine_root.ts";

const PROJECT = `${BOX}/portd`;
/** Where Deno looks without a setting: Wine gives services another environment. */
const DENO_DIR = `${PREFIX}/drive_c/users/root/AppData/Local/deno`;

/** Flags of `deno.exe run` and `deno.exe test` for files of the project. */
export const FLAGS: readonly string[] = ["--no-prompt", "-A", "--no-check", "--cached-only"];

/** Options of a program of Windows. */
export interface WindowsProgramOptions {
  /** On top of {@linkcode Wine.env}. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default "null" */
  readonly stdin?: "piped" | "null";
  /**
   * Whether the program leaves another running, as `portd lease` does when it starts a daemon. Under Wine that keeps
   * the stderr of the program open, so its end is not waited for. @default false
   */
  readonly leavesAnother?: boolean;
}

/** Options of {@linkcode Wine.start}. */
export interface WineOptions {
  /** Then the programs have a network of their own, whose loopback interface has these addresses too, as `192.0.2.7/24`. */
  readonly ownAddresses?: readonly string[];
  /** Then the programs have a network of their own, which these commands of ip(8) make, without `ip` in front. */
  readonly ownNetwork?: readonly string[];
}

/** Made by {@linkcode Wine.start}; disposing of it ends every program in it. */
export class Wine implements AsyncDisposable {
  /** The environment of every program of Windows. */
  readonly env: Readonly<Record<string, string>>;
  readonly #first: Deno.ChildProcess;
  readonly #scratch: string;
  readonly #hasNetwork: boolean;
  /** A program that does nothing: Wine's services would end with the last program. */
  #keeper: Deno.ChildProcess | undefined;

  private constructor(
    first: Deno.ChildProcess,
    scratch: string,
    { env, hasNetwork }: { readonly env: Readonly<Record<string, string>>; readonly hasNetwork: boolean },
  ) {
    this.#first = first;
    this.#scratch = scratch;
    this.#hasNetwork = hasNetwork;
    this.env = env;
  }

  /** Makes everything that is needed; answers when programs can be run. */
  static async start({ ownAddresses, ownNetwork }: WineOptions = {}): Promise<Wine> {
    const [root, packages, registry] = await Promise.all([obtainWineRoot(), fetchPackages(), npmRegistryAddress()]);
    const scratch = await Deno.makeTempDir({ prefix: "portd-wine-" });
    const hasNetwork = ownAddresses !== undefined || ownNetwork !== undefined;
    const kinds = ["--mount", "--pid", ...(hasNetwork ? ["--net"] : []), "--fork", "--kill-child"];
    const env = {
      ...WINE_ENV,
      NPM_CONFIG_REGISTRY: registry,
      DENO_DIR: windowsPath(DENO_DIR),
      DENO_NO_UPDATE_CHECK: "1",
    };
    const wine = new Wine(await startNamespaces(...kinds), scratch, { env, hasNetwork });
    try {
      if (hasNetwork) await wine.#tool("ip", "link", "set", "lo", "up");
      for (const address of ownAddresses ?? []) await wine.#tool("ip", "address", "add", address, "dev", "lo");
      for (const command of ownNetwork ?? []) await wine.#tool("ip", ...command.split(" "));
      await wine.#mount(root);
      await wine.#copy(packages, DENO_DIR);
      for (const name of SOURCES) await wine.#copy(CHECKOUT + name, PROJECT);
      await wine.#startServices();
    } catch (error) {
      await wine[Symbol.asyncDispose]();
      throw error;
    }
    return wine;
  }

  /** The path of a file of the project, as programs of Windows see it. */
  path(name: string): string {
    return windowsPath(`${PROJECT}/${name}`);
  }

  /** Lays a file of this machine into the project's folder. */
  async lay(file: string): Promise<void> {
    await this.#copy(file, PROJECT);
  }

  /** Replaces a program of the Windows, as `netsh.exe`, by a file of this machine. */
  async replaceTool(name: string, file: string): Promise<void> {
    const path = `${this.#root}${PREFIX}/drive_c/windows/system32/${name}`;
    await this.#tool("cp", "--remove-destination", file, path);
  }

  /** Compiles all of portd, so that on a busy machine no start takes longer than is waited for it. */
  async compile(): Promise<void> {
    const files = ["main.ts", "src/daemon/daemon.ts", "routes/app.ts"];
    const { code, stderr } = await this.deno(["cache", "--no-check", ...files.map((file) => this.path(file))]);
    if (code !== 0) throw new Error(`Cannot compile portd: ${stderr}`);
  }

  /** Runs `portd ARGS` with the permissions that it has everywhere. */
  async portd(args: readonly string[], options: WindowsProgramOptions = {}): Promise<Outcome> {
    return await this.deno([...await portdWords(), ...args], options);
  }

  /** Runs `deno.exe ARGS` in the project's folder to its end. */
  async deno(args: readonly string[], options: WindowsProgramOptions = {}): Promise<Outcome> {
    const child = this.spawn(args, options);
    const said: string[] = [];
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    const end = drain(reader, said);
    const [stdout, { code }] = await Promise.all([new Response(child.stdout).text(), child.status]);
    if (options.leavesAnother) await reader.cancel();
    await end;
    return { code, stdout, stderr: said.join("") };
  }

  /**
   * Starts `deno.exe ARGS` in the project's folder, with pipes. The pid is not that of the program, and signals do not
   * reach the program: it ends by itself or with everything.
   */
  spawn(args: readonly string[], options: WindowsProgramOptions = {}): Deno.ChildProcess {
    return this.#command([DENO_EXE, ...args], options).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#first.stdin.close();
    await this.#first.stdout.cancel();
    await Promise.all([this.#first.status, this.#keeper?.status]);
    await Deno.remove(this.#scratch, { recursive: true });
  }

  get #root(): string {
    return `${this.#scratch}/root`;
  }

  async #mount(lower: string): Promise<void> {
    await this.#tool("mount", "-t", "tmpfs", "tmpfs", this.#scratch);
    const [upper, work] = [`${this.#scratch}/upper`, `${this.#scratch}/work`];
    await this.#tool("mkdir", this.#root, upper, work);
    const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    await this.#tool("mount", "-t", "overlay", "-o", layers, "overlay", this.#root);
    await this.#tool("mount", "-t", "proc", "proc", `${this.#root}/proc`);
    await this.#tool("mount", "--rbind", "/dev", `${this.#root}/dev`);
    await this.#tool("mkdir", "-p", `${this.#root}${PROJECT}`, `${this.#root}${DENO_DIR}`);
  }

  async #copy(from: string, to: string): Promise<void> {
    await this.#tool("cp", "-r", from, this.#root + to);
  }

  /**
   * Starts Wine's services, and a program that keeps them running. The first program starts them, and each program
   * waits for them: so they run when the second has ended. If a program whose output is read started them, they would
   * keep its pipes open.
   */
  async #startServices(): Promise<void> {
    const output = "null";
    this.#keeper = this.#command(["explorer", "/desktop=keepalive"], { output }).spawn();
    const { success, code } = await this.#command(["hostname"], { output }).spawn().status;
    if (!success) throw new Error(`Cannot start Wine: exit code ${code}`);
  }

  /** Runs a program of Linux on our own files, and with the mounts of the namespace. */
  async #tool(...words: readonly string[]): Promise<void> {
    await runTool("nsenter", [...this.#namespaces(), "--", ...words]);
  }

  #command(
    words: readonly string[],
    { env = {}, stdin = "null", output = "piped" }: WindowsProgramOptions & { readonly output?: "piped" | "null" },
  ): Deno.Command {
    return new Deno.Command("nsenter", {
      args: [...this.#namespaces(), "--", "chroot", this.#root, "env", "-C", PROJECT, WINE64, ...words],
      clearEnv: true,
      env: { ...this.env, ...env },
      stdin,
      stdout: output,
      stderr: output,
    });
  }

  #namespaces(): string[] {
    const folder = `/proc/${this.#first.pid}/ns`;
    const net = this.#hasNetwork ? [`--net=${folder}/net`] : [];
    return [`--mount=${folder}/mnt`, `--pid=${folder}/pid_for_children`, ...net];
  }
}

/** A path of Linux as programs of Windows see it. */
export function windowsPath(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}

async function drain(reader: ReadableStreamDefaultReader<string>, into: string[]): Promise<void> {
  for (let part = await reader.read(); !part.done; part = await reader.read()) into.push(part.value);
}

/** The arguments of `deno.exe` that start portd with the permissions that it has everywhere. */
export async function portdWords(): Promise<string[]> {
  const words = (await programFromSource()).slice(1, -1);
  return [...words, "--cached-only", windowsPath(`${PROJECT}/main.ts`)];
}
