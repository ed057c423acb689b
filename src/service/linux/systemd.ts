/**
 * portd as a service of systemd, of the system or of a user. What its unit says is in unit.ts, what the service tells
 * systemd in notified_run.ts; the ports that it reserves are in reserved_ports.ts.
 */
import { parsePortList } from "../../os/ports.ts";
import type { Program } from "../../os/program.ts";
import { refuseUnsafe } from "../program_files.ts";
import {
  type ServiceControl,
  type ServiceDefinition,
  type ServiceLog,
  type ServiceRun,
  type ServiceStatus,
  type Step,
  wordBehind,
} from "../service.ts";
import { type NotifiedRunOptions, runNotified } from "./notified_run.ts";
import { formatPortList } from "./port_set.ts";
import { type KernelSettings, RESERVED_PORTS_VARIABLE, ReservedPorts } from "./reserved_ports.ts";
import { Systemctl, type UnitState } from "./systemctl.ts";
import { isOwnUnit, readCommand, serviceEnvironment, UNIT, writeUnit } from "./unit.ts";

/** Options of {@linkcode SystemdControl}. */
export interface SystemdOptions extends NotifiedRunOptions {
  /** Whether it is the service of this user. */
  readonly isUser: boolean;
  /** Who we are. */
  readonly uid: number;
  /** The folder that is `/` to systemd, without a slash at its end. @default "" */
  readonly root?: string;
  /** @default systemctl(1) by its path */
  readonly systemctl?: Program;
  /** @default journalctl(1) by its path */
  readonly journalctl?: Program;
  /** @default that of the kernel that runs */
  readonly kernel?: () => KernelSettings;
  /** Refuses what another user may change. @default refuseUnsafe */
  readonly inspect?: typeof refuseUnsafe;
}

/** Below it is what portd has to remember until the machine is started anew. */
const RUNTIME_FOLDER = "/run/portd";

/** See {@linkcode ServiceControl}. */
export class SystemdControl implements ServiceControl {
  readonly #options: SystemdOptions;
  readonly #root: string;
  readonly #systemctl: Systemctl;
  readonly #journal: Program;
  readonly #ports: ReservedPorts;

  constructor(options: SystemdOptions) {
    const { isUser, root = "", systemctl = ["/usr/bin/systemctl"], journalctl = ["/usr/bin/journalctl"] } = options;
    this.#options = options;
    this.#root = root;
    this.#journal = [...journalctl, isUser ? `--user-unit=${UNIT}` : `--unit=${UNIT}`];
    this.#systemctl = new Systemctl(isUser ? [...this.#ofUser(systemctl), "--user"] : systemctl, this.#journal);
    this.#ports = new ReservedPorts(`${root}${RUNTIME_FOLDER}/reserved_ports`, options.kernel);
  }

  async refusal(): Promise<string | undefined> {
    const { isUser, uid } = this.#options;
    if (!await this.#isRunning()) {
      if (!isUser) return "systemd does not run on this machine; portd serve --detach runs portd without it";
      return `no systemd of user ${uid} runs: log in as that user, or have it started with the machine by ` +
        "loginctl enable-linger";
    }
    if (isUser || uid === 0) return undefined;
    return "only root may change the service of the system: use sudo, or --user for a service of your own";
  }

  async install(definition: ServiceDefinition): Promise<readonly Step[]> {
    await this.#refuse(definition);
    const { isUser, env } = this.#options;
    const text = writeUnit(definition, { isUser, environment: serviceEnvironment(definition.self, env) });
    const installed = await this.#read();
    const { state, isEnabled, needsReload } = await this.#show();
    const isSame = installed === text;
    if (isSame && isEnabled && !needsReload) return [];
    const isRunning = state === "running" || state === "starting";
    const replaces = !isSame && isRunning;
    return [
      ...(replaces ? [this.#step("stop")] : []),
      ...(isSame ? [] : [...await this.#makeFolder(definition.stateDir), this.#write(text)]),
      ...(definition.reserve.length === 0 ? this.#giveBack() : []),
      this.#reload(),
      ...(isEnabled ? [] : [this.#step("enable")]),
      ...(replaces ? [this.#step("start")] : []),
    ];
  }

  async uninstall(): Promise<readonly Step[]> {
    if (await this.#read() === undefined) return this.#giveBack();
    const { state, isEnabled } = await this.#show();
    const path = this.#path;
    return [
      ...(state === "stopped" || state === "failed" ? [] : [this.#step("stop")]),
      ...(isEnabled ? [this.#step("disable")] : []),
      ...this.#giveBack(),
      { does: `remove ${path}`, run: () => Deno.remove(path) },
      this.#reload(),
    ];
  }

  async start(): Promise<readonly Step[]> {
    const { state } = await this.#showInstalled("start");
    if (state === "running") return [];
    // After too many failures systemd starts it again only when these are forgotten.
    return [...(state === "failed" ? [this.#step("reset-failed")] : []), this.#step("start")];
  }

  async stop(): Promise<readonly Step[]> {
    const { state } = await this.#showInstalled("stop");
    return state === "stopped" || state === "failed" ? [] : [this.#step("stop")];
  }

  async status(): Promise<ServiceStatus> {
    const { state, pid, exitCode, isEnabled, definition } = await this.#show();
    const text = definition === null ? undefined : await readText(`${this.#root}${definition}`);
    const command = text === undefined ? null : readCommand(text);
    return { state, pid, exitCode, startsAtBoot: isEnabled, command, definition };
  }

  log(): ServiceLog {
    return { kind: "journal", command: this.#journal };
  }

  async run(work: (service: ServiceRun) => Promise<void>): Promise<void> {
    const { [RESERVED_PORTS_VARIABLE]: reserve } = this.#options.env;
    if (reserve) this.#ports.set(parsePortList(reserve));
    await runNotified(work, this.#options);
  }

  async #refuse({ self, words, stateDir, reserve }: ServiceDefinition): Promise<void> {
    const { isUser, inspect = refuseUnsafe } = this.#options;
    // deno-lint-ignore no-control-regex
    if (/[\x00-\x1f\x7f]/.test(stateDir)) {
      throw new Error(
        `Cannot install a service with the state folder ${JSON.stringify(stateDir)}: systemd cannot name it`,
      );
    }
    if (!isUser) return inspect([...self, ...await this.#moduleFolder(self)], stateDir, wordBehind(words, "--config"));
    if (reserve.length > 0) throw new Error("Cannot reserve ports for the service of a user: only root may");
  }

  /** Where `deno run` has the modules that it has cached; none where the program is whole. */
  async #moduleFolder(self: readonly string[]): Promise<string[]> {
    const { HOME, XDG_CACHE_HOME: cache, DENO_DIR: folder } = serviceEnvironment(self, this.#options.env);
    const path = folder ?? `${cache ?? `${HOME}/.cache`}/deno`;
    return await isThere(path) ? [path] : [];
  }

  /** Where the unit is, to systemd. */
  get #definition(): string {
    const { isUser, env } = this.#options;
    if (!isUser) return `/etc/systemd/system/${UNIT}`;
    // The XDG base directory specification: a relative path is invalid and to be ignored.
    const config = env.XDG_CONFIG_HOME?.startsWith("/") ? env.XDG_CONFIG_HOME : `${this.#home}/.config`;
    return `${config}/systemd/user/${UNIT}`;
  }

  /** Where the unit is, to us. */
  get #path(): string {
    return this.#root + this.#definition;
  }

  get #home(): string {
    const { HOME } = this.#options.env;
    if (HOME) return HOME;
    throw new Error("Cannot find the units of this user: HOME is not set");
  }

  get #runtimeFolder(): string {
    const { env, uid } = this.#options;
    return env.XDG_RUNTIME_DIR || `/run/user/${uid}`;
  }

  /** In a shell that was made by su or cron the variable that systemctl needs is not set. */
  #ofUser(systemctl: Program): Program {
    const { env } = this.#options;
    return env.XDG_RUNTIME_DIR ? systemctl : ["/usr/bin/env", `XDG_RUNTIME_DIR=${this.#runtimeFolder}`, ...systemctl];
  }

  async #read(): Promise<string | undefined> {
    const text = await readText(this.#path);
    if (text === undefined || isOwnUnit(text)) return text;
    throw new Error(`Cannot use ${this.#path}: portd has not written it; move it away`);
  }

  /** Whether there is a systemd to be asked. */
  async #isRunning(): Promise<boolean> {
    const folder = this.#options.isUser ? `${this.#runtimeFolder}/systemd` : "/run/systemd/system";
    return await isThere(this.#root + folder);
  }

  /** Where no systemd runs, such as while an image is made, only the file tells. */
  async #show(): Promise<UnitState> {
    if (await this.#isRunning()) return await this.#systemctl.show();
    const isAbsent = await readText(this.#path) === undefined;
    const [state, definition] = isAbsent ? ["absent", null] as const : ["stopped", this.#definition] as const;
    return { state, pid: null, exitCode: null, isEnabled: false, definition, needsReload: false };
  }

  async #showInstalled(verb: string): Promise<UnitState> {
    const unit = await this.#show();
    if (unit.state !== "absent") return unit;
    throw new Error(`Cannot ${verb} the service: it is not installed`);
  }

  #step(verb: "start" | "stop" | "enable" | "disable" | "reset-failed"): Step {
    const isService = verb === "start" || verb === "stop";
    const run = () => isService ? this.#systemctl.callService(verb) : this.#systemctl.call(verb);
    return { does: `systemctl ${this.#options.isUser ? "--user " : ""}${verb} ${UNIT}`, run };
  }

  #reload(): Step {
    const does = `systemctl ${this.#options.isUser ? "--user " : ""}daemon-reload`;
    return { does, run: () => this.#systemctl.reload() };
  }

  #write(text: string): Step {
    const path = this.#path;
    return { does: `write ${path}`, text, run: () => replaceFile(path, text) };
  }

  /** A unit that may write nowhere else takes the folder to be there. */
  async #makeFolder(path: string): Promise<Step[]> {
    if (await isThere(path)) return [];
    return [{ does: `make ${path}`, run: () => Deno.mkdir(path, { recursive: true, mode: 0o700 }) }];
  }

  #giveBack(): Step[] {
    if (this.#options.isUser) return [];
    const ours = this.#ports.ours();
    if (ours === undefined) return [];
    const does = ours.length === 0
      ? `remove ${this.#root}${RUNTIME_FOLDER}`
      : `take ${formatPortList(ours)} out of net.ipv4.ip_local_reserved_ports`;
    // deno-lint-ignore require-await
    return [{ does, run: async () => this.#ports.giveBack() }];
  }
}

/** Whole or not at all, also for systemd that reads it meanwhile. */
async function replaceFile(path: string, text: string): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const draft = `${folder}/.${UNIT}.${Deno.pid}`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o755 });
  await Deno.writeTextFile(draft, text);
  await Deno.chmod(draft, 0o644);
  await Deno.rename(draft, path);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
