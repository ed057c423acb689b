/**
 * A machine with systemd: Debian 13 in namespaces, with this project and the `deno` that runs the tests. It starts in
 * half a second and ends with us, however we end: no process and no mount is left. All that is written goes to a file
 * system in memory. Its network is a loopback interface.
 */
import { obtainFolder } from "./cache.ts";
import { CHECKOUT, fetchPackages, npmRegistryAddress, SOURCES } from "./checkout.ts";
import { DEBIAN_ROOT, makeDebian } from "./debian_root.ts";
import { type Outcome, programFromSource } from "./installation.ts";
import { linesOf } from "./lines.ts";
import { type Requirement, tools } from "./requirement.ts";
import { runTool } from "./tool.ts";

const SUITE = "trixie";
const PACKAGES = [
  "systemd-sysv",
  "dbus",
  "dbus-user-session", // a systemd for each user
  "libpam-systemd",
  "procps",
  "nftables",
  "ufw",
  "firewalld",
];
/** Tests start them when they need them. */
const STOPPED = ["ufw", "firewalld"];
/** To be changed with anything that makes the root another. */
const RECIPE = "debian13-1";
const BOOT = new URL("systemd_boot.py", import.meta.url).pathname;
/** Debian's own: a python3 elsewhere may be a script that starts others. */
const PYTHON = "/usr/bin/python3";

/** Where things are in the machine. */
export const PROJECT = "/usr/local/lib/portd", DENO = "/usr/local/bin/deno", DENO_DIR = "/usr/local/share/deno";

/** Id of the user of {@linkcode SystemdHost.asAlice}, which the test creates. */
export const ALICE = 1000;

/** What a test needs that uses such a machine. */
export const SYSTEMD: readonly Requirement[] = [
  ...DEBIAN_ROOT,
  tools("python3", "setpriv", "nsenter", "npm"),
  () => findControlGroups() === undefined ? "needs control groups of the second version" : undefined,
];

interface HostParts {
  /** The pid of its first process, outside of it. */
  readonly init: number;
  readonly cgroup: string;
  readonly scratch: string;
  readonly registry: string;
}

/** Made by {@linkcode SystemdHost.start}; disposing of it ends every process in it. */
export class SystemdHost implements AsyncDisposable {
  /** The environment of every command in it. */
  readonly env: Readonly<Record<string, string>>;
  readonly #first: Machine;
  readonly #parts: HostParts;

  private constructor(first: Machine, parts: HostParts) {
    this.#first = first;
    this.#parts = parts;
    const registry = { NPM_CONFIG_REGISTRY: parts.registry };
    this.env = {
      HOME: "/root",
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      DENO_DIR,
      ...registry,
      NO_COLOR: "1",
      PORTD_AUTOSTART: "0",
    };
  }

  /** Answers when everything that starts with the machine has started. */
  static async start(): Promise<SystemdHost> {
    const parts = [obtainSystemdRoot(), fetchPackages(), npmRegistryAddress()] as const;
    const [root, packages, registry] = await Promise.all(parts);
    const scratch = await Deno.makeTempDir({ prefix: "portd-systemd-" });
    const cgroup = `${findControlGroups()}/portd-test-${crypto.randomUUID()}`;
    await Deno.mkdir(cgroup);
    const first = new Machine(["setpriv", "--pdeathsig", "KILL", PYTHON, BOOT, cgroup, root, scratch]);
    const host = new SystemdHost(first, { init: await first.awaitInit(), cgroup, scratch, registry });
    try {
      await host.#awaitBoot();
      await host.#furnish(packages);
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
    return host;
  }

  /** Words in front of a command that is to run in it. */
  get enter(): readonly [string, ...string[]] {
    return ["/usr/bin/nsenter", `--target=${this.#parts.init}`, "--all", "--"];
  }

  /** The folder that is `/` in it. */
  get root(): string {
    return `/proc/${this.#parts.init}/root`;
  }

  /** The command line that starts portd in it. */
  async self(): Promise<[string, ...string[]]> {
    const words = (await programFromSource()).slice(1, -1);
    return [DENO, ...words, `file://${PROJECT}/main.ts`];
  }

  /** Runs a command in it to its end, as root. */
  async outcome(...words: readonly string[]): Promise<Outcome> {
    const { code, stdout, stderr } = await this.#command(words).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  }

  /** Runs a command in it to its end, as root. @returns what it wrote to stdout. @throws {Error} when it fails. */
  async run(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.outcome(...words);
    if (code !== 0) throw new Error(`Cannot run ${words.join(" ")}: exit code ${code}: ${stderr}`);
    return stdout;
  }

  /** Runs `portd ARGS` in it to its end, as root. @throws {Error} when it fails. */
  async portd(...args: readonly string[]): Promise<string> {
    return await this.run(...await this.self(), ...args);
  }

  /** Runs a command in it to its end, as the user {@linkcode ALICE}, without what a login gives. */
  async asAlice(...words: readonly string[]): Promise<Outcome> {
    const user = ["setpriv", `--reuid=${ALICE}`, `--regid=${ALICE}`, "--clear-groups", "env", "HOME=/home/alice"];
    return await this.outcome(...user, ...words);
  }

  /** The lines that a unit writes from now on, and those that systemd writes about it. */
  async followJournal(unit: string): Promise<FollowedJournal> {
    // Reading the last old line first makes sure that no new line is missed.
    const command = this.#command(["journalctl", "--follow", "--lines=1", "--output=cat", `--unit=${unit}`]);
    return await FollowedJournal.open(command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Deno.kill(this.#parts.init, "SIGKILL"); // the kernel then ends all the others before it
    await this.#first.end;
    await removeControlGroup(this.#parts.cgroup);
    await Deno.remove(this.#parts.scratch, { recursive: true });
  }

  /** Until systemd has its control socket it cannot be asked anything, so this asks again. */
  async #awaitBoot(): Promise<void> {
    for (;;) {
      const { stdout, stderr } = await this.outcome("systemctl", "is-system-running", "--wait");
      const state = stdout.trim();
      if (state === "running") return;
      await this.#first.mustRun();
      if (state !== "" && state !== "offline") throw new Error(`Cannot start systemd: it is ${state} ${stderr.trim()}`);
    }
  }

  async #furnish(packages: string): Promise<void> {
    const { root } = this;
    await runTool("mkdir", ["-p", `${root}${PROJECT}`, `${root}${DENO_DIR}`]);
    await Deno.copyFile(Deno.execPath(), `${root}${DENO}`);
    await runTool("cp", ["-r", packages, `${root}${DENO_DIR}`]);
    // Some packages come with files that only their owner may read, and the services have users of their own.
    await runTool("chmod", ["-R", "a+rX", `${root}${DENO_DIR}`]);
    await runTool("cp", ["-r", ...SOURCES.map((name) => CHECKOUT + name), `${root}${PROJECT}`]);
  }

  #command(words: readonly string[]): Deno.Command {
    const [program, ...enter] = this.enter;
    return new Deno.Command(program, {
      args: [...enter, ...words],
      clearEnv: true,
      env: { ...this.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }
}

/** Made by {@linkcode SystemdHost.followJournal}. */
export class FollowedJournal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncGenerator<string, void, void>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#lines = linesOf(child.stdout);
  }

  static async open(command: Deno.Command): Promise<FollowedJournal> {
    const journal = new FollowedJournal(command.spawn());
    await journal.awaitLine(/^/);
    return journal;
  }

  /** Waits for a line that matches. */
  async awaitLine(pattern: RegExp): Promise<void> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`Cannot read the journal: it ended before ${pattern}`);
      if (pattern.test(value)) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL"); // nsenter has become journalctl itself
    await this.#lines.return();
    await this.#child.stderr.cancel();
    await this.#child.status;
  }
}

async function obtainSystemdRoot(): Promise<string> {
  return await obtainFolder(`systemd-${RECIPE}`, async (folder) => {
    await makeDebian(folder, SUITE, PACKAGES);
    await runTool("chroot", [folder, "systemctl", "disable", ...STOPPED]);
  });
}

/** Where the control groups of the second version are mounted. */
function findControlGroups(): string | undefined {
  return /^\S+ (\S+) cgroup2 /m.exec(Deno.readTextFileSync("/proc/mounts"))?.[1];
}

/** The process whose child is the first one of the machine, and which ends with it. */
class Machine {
  /** Resolves when it has ended, with what it wrote to stderr. */
  readonly end: Promise<string>;
  readonly #pid: number;
  #hasEnded = false;

  constructor([program, ...args]: readonly [string, ...string[]]) {
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
    this.#pid = child.pid;
    this.end = Promise.all([new Response(child.stderr).text(), child.status]).then(([said]) => {
      this.#hasEnded = true;
      return said;
    });
  }

  /** @throws {Error} with what it wrote to stderr when it has ended. */
  async mustRun(): Promise<void> {
    if (this.#hasEnded) throw new Error(`Cannot make a machine with systemd: ${await this.end}`);
  }

  /** Waits for the child. @returns its pid. */
  async awaitInit(): Promise<number> {
    for (;;) {
      await this.mustRun();
      const child = Number(await Deno.readTextFile(`/proc/${this.#pid}/task/${this.#pid}/children`));
      if (child > 0) return child;
    }
  }
}

/** Removes it with the groups in it. Nothing may run in it any more. */
async function removeControlGroup(path: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (isDirectory) await removeControlGroup(`${path}/${name}`);
  }
  await Deno.remove(path);
}
