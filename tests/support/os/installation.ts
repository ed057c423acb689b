/** A portd for one test, with its own home, state folder and address; no daemon is left. */
import { freePort } from "../sockets.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;

/** What a command wrote, and its exit code. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The content of `daemon.json`. */
export interface DaemonFile {
  readonly url: string;
  readonly pid: number;
  readonly version: string;
}

/** Where a command runs, and with what environment. */
export interface CommandPlace {
  readonly cwd?: string;
  /** In addition to that of the installation. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Options of {@linkcode Installation}. */
export interface InstallationOptions {
  /** Program and first arguments of a portd command. @default portd from source, with its own permissions */
  readonly program?: readonly string[];
  /** Environment in addition to the test's own; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Whether the commands get nothing of the test's own environment. @default false */
  readonly bare?: boolean;
  /** The state folder. @default a folder in {@linkcode Installation.folder} */
  readonly stateDir?: string;
}

/** Made by {@linkcode Installation.create}; disposing of it kills its daemon and removes its folder. */
export class Installation implements AsyncDisposable {
  /** Everything of this installation is in it. */
  readonly folder: string;
  readonly stateDir: string;
  /** The whole environment of its commands. */
  readonly env: Readonly<Record<string, string>>;
  readonly #program: readonly string[];

  private constructor(folder: string, stateDir: string, program: readonly string[], env: Record<string, string>) {
    this.folder = folder;
    this.stateDir = stateDir;
    this.env = env;
    this.#program = program;
  }

  /** Makes the folders; starts nothing. */
  static async create(options: InstallationOptions = {}): Promise<Installation> {
    const { program, bare = false, env = {} } = options;
    const folder = await Deno.makeTempDir({ prefix: "portd-os-test-" });
    for (const name of ["home", "tmp", "work"]) await Deno.mkdir(`${folder}/${name}`);
    const stateDir = options.stateDir ?? `${folder}/state/portd`;
    const own: Record<string, string | undefined> = {
      HOME: `${folder}/home`,
      TMPDIR: `${folder}/tmp`,
      XDG_STATE_HOME: `${folder}/state`,
      PORTD_STATE_DIR: stateDir,
      PORTD_LISTEN: `127.0.0.1:${freePort()}`,
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
    };
    const whole = { ...(bare ? { PATH: "/nonexistent" } : inherited()), ...own, ...env };
    return new Installation(folder, stateDir, program ?? await programFromSource(), withoutUndefined(whole));
  }

  /** A folder for projects. */
  get work(): string {
    return `${this.folder}/work`;
  }

  /** Runs `portd ARGS` to its end. */
  async portd(args: readonly string[], { cwd = this.work, env = {} }: CommandPlace = {}): Promise<Outcome> {
    const { code, stdout, stderr } = await this.command(args, {
      cwd,
      env: { ...this.env, ...env },
      stdin: "null",
    }).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  }

  /** Runs `portd ARGS` to its end. @returns what it wrote to stdout. @throws {Error} when it fails. */
  async answer(args: readonly string[], options: CommandPlace = {}): Promise<string> {
    const { code, stdout, stderr } = await this.portd(args, options);
    if (code !== 0) throw new Error(`Cannot portd ${args.join(" ")}: exit code ${code}: ${stderr}`);
    return stdout;
  }

  /** The command `portd ARGS`, not started; `before` comes in front of it, like `["prlimit", "--nofile=64"]`. */
  command(
    args: readonly string[],
    { before = [], ...options }: Omit<Deno.CommandOptions, "args"> & { readonly before?: readonly string[] } = {},
  ): Deno.Command {
    const [program, ...rest] = [...before, ...this.#program, ...args];
    return new Deno.Command(program!, {
      args: rest,
      cwd: this.work,
      clearEnv: true,
      env: { ...this.env },
      stdout: "piped",
      stderr: "piped",
      ...options,
    });
  }

  /** Where the daemon can be found. @throws {Deno.errors.NotFound} when none has been started. */
  async daemon(): Promise<DaemonFile> {
    return JSON.parse(await Deno.readTextFile(`${this.stateDir}/daemon.json`));
  }

  /** Kills the daemon with SIGKILL and answers when the kernel has closed its sockets. */
  async killDaemon(): Promise<void> {
    const { pid, url } = await this.daemon();
    const { hostname, port } = new URL(url);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    Deno.kill(pid, "SIGKILL");
    try {
      while (await connection.read(new Uint8Array(1024)) !== null);
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#killLeftDaemon();
    await Deno.remove(this.folder, { recursive: true });
  }

  async #killLeftDaemon(): Promise<void> {
    try {
      const { pid } = await this.daemon();
      const environment = await Deno.readTextFile(`/proc/${pid}/environ`);
      if (environment.split("\0").includes(`PORTD_STATE_DIR=${this.stateDir}`)) Deno.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // no daemon, or gone already
    }
  }
}

/** The command line of the task `portd` of deno.json, with the `deno` that runs the tests and our main.ts. */
export async function programFromSource(): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as {
    readonly tasks: { readonly portd: { readonly command: string } };
  };
  const [, ...words] = tasks.portd.command.split(" ");
  return [Deno.execPath(), ...words.map((word) => word === "main.ts" ? `${ROOT}main.ts` : word)];
}

/** Our environment without portd's settings, with our package caches although HOME is another. */
function inherited(): Record<string, string | undefined> {
  const env = Deno.env.toObject();
  const home = env.HOME ?? "/root";
  const ours = Object.entries(env).filter(([name]) => !name.startsWith("PORTD_") && !name.startsWith("XDG_"));
  return {
    ...Object.fromEntries(ours),
    DENO_DIR: env.DENO_DIR ?? `${env.XDG_CACHE_HOME ?? `${home}/.cache`}/deno`,
    npm_config_cache: env.npm_config_cache ?? `${home}/.npm`,
    npm_config_userconfig: env.npm_config_userconfig ?? `${home}/.npmrc`,
  };
}

function withoutUndefined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
