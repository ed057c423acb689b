/**
 * portd as a service of systemd, of the system or of a user. unit.ts writes its unit; notified_run.ts runs the service
 * and reports to systemd.
 */
import { ifThereAsync } from "../../errors.ts";
import type { Program } from "../../os/program.ts";
import { denoDirOf } from "../deno_dir.ts";
import { refuseUnsafe } from "../inspect.ts";
import type { ServiceControl, ServiceDefinition, ServiceLog, ServiceRun, ServiceStatus, Step } from "../service.ts";
import { readText, removeStep, UnixFiles, type UnixServiceOptions, writeStep } from "../unix_files.ts";
import { type NotifiedRunOptions, runNotified } from "./notified_run.ts";
import { Systemctl, type UnitState } from "./systemctl.ts";
import { isOwnUnit, readCommand, UNIT, writeUnit } from "./unit.ts";

/** Options of {@linkcode SystemdControl}. */
export interface SystemdOptions extends UnixServiceOptions, NotifiedRunOptions {
  /** @default systemctl(1) by its path */
  readonly systemctl?: Program;
  /** @default journalctl(1) by its path */
  readonly journalctl?: Program;
}

const NO_SYSTEMD = "systemd does not run on this machine; portd serve --detach runs portd without it";

/** See {@linkcode ServiceControl}. */
export class SystemdControl implements ServiceControl {
  readonly #options: SystemdOptions;
  readonly #root: string;
  readonly #systemctl: Systemctl;
  readonly #journal: Program;

  constructor(options: SystemdOptions) {
    const { isUser, root = "", systemctl = ["/usr/bin/systemctl"], journalctl = ["/usr/bin/journalctl"] } = options;
    this.#options = options;
    this.#root = root;
    this.#journal = [...journalctl, isUser ? `--user-unit=${UNIT}` : `--unit=${UNIT}`];
    this.#systemctl = new Systemctl({
      program: isUser ? [...this.#ofUser(systemctl), "--user"] : systemctl,
      name: isUser ? "systemctl --user" : "systemctl",
      journal: this.#journal,
    });
  }

  async refusal(): Promise<string | undefined> {
    const { isUser, uid } = this.#options;
    if (!await this.#isRunning()) {
      if (!isUser) throw new Error(`Cannot change the service: ${NO_SYSTEMD}`);
      return `user ${uid} has no systemd that runs: log in as that user, or let it start at boot with ` +
        "loginctl enable-linger";
    }
    if (isUser || uid === 0) return undefined;
    return "only root may change the service of the system: use sudo, or --user for a service of your own";
  }

  async install(definition: ServiceDefinition): Promise<readonly Step[]> {
    this.#refuse(definition);
    const text = writeUnit(definition, this.#options);
    const isSame = await this.#read() === text;
    const { state, startsAtBoot, needsReload } = await this.#show();
    if (isSame && startsAtBoot && !needsReload) return [];
    const isRunning = state === "running" || state === "starting";
    const replaces = !isSame && isRunning;
    return [
      ...(replaces ? [this.#systemctl.step("stop")] : []),
      ...(isSame ? [] : [...await this.#makeFolder(definition.stateDir), writeStep(this.#path, text)]),
      this.#systemctl.reload(),
      ...(startsAtBoot ? [] : [this.#systemctl.step("enable")]),
      ...(replaces ? [this.#systemctl.step("start")] : []),
    ];
  }

  async uninstall(): Promise<readonly Step[]> {
    if (await this.#read() === undefined) return [];
    const { state, startsAtBoot } = await this.#show();
    return [
      ...(state === "stopped" || state === "failed" ? [] : [this.#systemctl.step("stop")]),
      ...(startsAtBoot ? [this.#systemctl.step("disable")] : []),
      removeStep(this.#path),
      this.#systemctl.reload(),
    ];
  }

  async start(): Promise<readonly Step[]> {
    const { state } = await this.#showInstalled("start");
    if (state === "running") return [];
    // After too many failures systemd starts the unit only if they are reset first.
    const forget = state === "failed" ? [this.#systemctl.step("reset-failed")] : [];
    return [...forget, this.#systemctl.step("start")];
  }

  async stop(): Promise<readonly Step[]> {
    const { state } = await this.#showInstalled("stop");
    return state === "stopped" || state === "failed" ? [] : [this.#systemctl.step("stop")];
  }

  async status(): Promise<ServiceStatus> {
    const { needsReload: _needsReload, ...status } = await this.#show();
    const text = status.definition === null ? undefined : await readText(`${this.#root}${status.definition}`);
    return { ...status, command: text === undefined ? null : readCommand(text) };
  }

  log(): ServiceLog {
    return { kind: "journal", command: this.#journal };
  }

  async run(work: (service: ServiceRun) => Promise<void>): Promise<void> {
    await runNotified(work, this.#options);
  }

  #refuse(definition: ServiceDefinition): void {
    const { isUser, env, inspect = refuseUnsafe } = this.#options, { stateDir } = definition;
    // deno-lint-ignore no-control-regex
    if (/[\x00-\x1f\x7f]/.test(stateDir)) {
      throw new Error(
        `Cannot install a service with the state folder ${
          JSON.stringify(stateDir)
        }: systemd allows no control characters`,
      );
    }
    if (!isUser) inspect(definition, { files: new UnixFiles(), denoDir: denoDirOf("linux", env) });
  }

  /** The path of the unit as systemd sees it. */
  get #definition(): string {
    const { isUser, env: { HOME, XDG_CONFIG_HOME } } = this.#options;
    if (!isUser) return `/etc/systemd/system/${UNIT}`;
    // The XDG base directory specification: a relative path is invalid and to be ignored.
    if (XDG_CONFIG_HOME?.startsWith("/")) return `${XDG_CONFIG_HOME}/systemd/user/${UNIT}`;
    if (HOME) return `${HOME}/.config/systemd/user/${UNIT}`;
    throw new Error("Cannot find the units of this user: HOME is not set");
  }

  /** The path of the unit as this process sees it. */
  get #path(): string {
    return this.#root + this.#definition;
  }

  get #runtimeFolder(): string {
    const { env, uid } = this.#options;
    return env.XDG_RUNTIME_DIR || `/run/user/${uid}`;
  }

  /** In a shell that su or cron has started, the variable that systemctl needs is not set. */
  #ofUser(systemctl: Program): Program {
    const { env } = this.#options;
    return env.XDG_RUNTIME_DIR ? systemctl : ["/usr/bin/env", `XDG_RUNTIME_DIR=${this.#runtimeFolder}`, ...systemctl];
  }

  async #read(): Promise<string | undefined> {
    const text = await readText(this.#path);
    if (text === undefined || isOwnUnit(text)) return text;
    throw new Error(`Cannot use ${this.#path}: portd has not written it; move it away`);
  }

  /** Whether systemd runs. */
  async #isRunning(): Promise<boolean> {
    const folder = this.#options.isUser ? `${this.#runtimeFolder}/systemd` : "/run/systemd/system";
    return await isThere(this.#root + folder);
  }

  /** Without a running systemd, as while an image of a machine is built, only the unit file can be read. */
  async #show(): Promise<UnitState> {
    if (await this.#isRunning()) return await this.#systemctl.show();
    const isAbsent = await readText(this.#path) === undefined;
    const [state, definition] = isAbsent ? ["absent", null] as const : ["stopped", this.#definition] as const;
    return { state, pid: null, exitCode: null, startsAtBoot: false, definition, needsReload: false };
  }

  async #showInstalled(verb: string): Promise<UnitState> {
    const unit = await this.#show();
    if (unit.state !== "absent") return unit;
    throw new Error(`Cannot ${verb} the service: it is not installed`);
  }

  /** systemd starts no unit whose `ReadWritePaths` are not there. */
  async #makeFolder(path: string): Promise<Step[]> {
    if (await isThere(path)) return [];
    return [{ does: `make ${path}`, run: () => Deno.mkdir(path, { recursive: true, mode: 0o700 }) }];
  }
}

async function isThere(path: string): Promise<boolean> {
  return await ifThereAsync(() => Deno.stat(path)) !== undefined;
}
