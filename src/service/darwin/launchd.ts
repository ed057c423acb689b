/**
 * portd as a job of launchd: a daemon of the system, or an agent of one user's sessions. Manuals: launchd.plist(5),
 * launchctl(1). plist.ts writes the job; launchctl.ts reads what launchctl prints about it.
 *
 * launchd starts a job as soon as it is loaded. So a stopped service is a job that is not loaded. Its property list
 * stays where launchd looks when the machine, or the session, starts.
 */
import { ifThereAsync } from "../../errors.ts";
import { type Program, type ProgramOutcome, runProgram } from "../../os/program.ts";
import { readDaemonFile } from "../../state/state_folder.ts";
import { retryUntil } from "../../wait.ts";
import { refuseUnsafe } from "../inspect.ts";
import {
  flagValue,
  SERVICE_NAME,
  type ServiceControl,
  type ServiceDefinition,
  type ServiceLog,
  type ServiceRun,
  type ServiceState,
  type ServiceStatus,
  type Step,
} from "../service.ts";
import { UnixFiles } from "../unix_files.ts";
import { isDisabled, type JobPrint, NO_SUCH_JOB, parsePrint } from "./launchctl.ts";
import { jobText, readArguments } from "./plist.ts";

/** Options of {@linkcode Launchd}. */
export interface LaunchdOptions {
  /** A daemon of the system, or an agent of this user. */
  readonly scope: "system" | "user";
  /** Of this process. */
  readonly uid: number;
  /** Folder of the property list, absolute; launchd reads that of {@linkcode definitionFolder}. */
  readonly folder: string;
  /** The folder of Deno's modules; it counts only where Deno runs portd's sources. */
  readonly denoDir: string | undefined;
  /** Calls back on these signals until the returned function is called. */
  readonly onSignal: (names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void) => () => void;
  /** Refuses what another user may change. @default refuseUnsafe */
  readonly inspect?: typeof refuseUnsafe;
  /** @default ["/bin/launchctl"] */
  readonly launchctl?: Program;
  /** How long a start or a stop may take, in milliseconds. @default 15000 */
  readonly limitMs?: number;
  /** The pause before launchd is asked again, in milliseconds. @default 100 */
  readonly pauseMs?: number;
}

/** A single call of launchctl. */
const TIMEOUT_MS = 30_000;
/** Exit codes of `launchctl bootout`: the job is not loaded; it takes a while to end. */
const NO_SUCH_PROCESS = 3, IN_PROGRESS = 36;

/** Where launchd looks for property lists. @throws {Error} when the environment names no home, for an agent. */
export function definitionFolder(scope: "system" | "user", { HOME }: Readonly<Record<string, string>>): string {
  if (scope === "system") return "/Library/LaunchDaemons";
  if (HOME) return `${HOME}/Library/LaunchAgents`;
  throw new Error("Cannot find the agents of this user: HOME is not set");
}

/** The service control of macOS. */
export class Launchd implements ServiceControl {
  readonly #options: LaunchdOptions;
  readonly #domain: string;
  readonly #target: string;
  readonly #path: string;

  constructor(options: LaunchdOptions) {
    this.#options = options;
    this.#domain = options.scope === "system" ? "system" : `gui/${options.uid}`;
    this.#target = `${this.#domain}/${SERVICE_NAME}`;
    this.#path = `${options.folder}/${SERVICE_NAME}.plist`;
  }

  refusal(): Promise<string | undefined> {
    const { scope, uid } = this.#options;
    const isRoot = uid === 0;
    if (scope === "system" && !isRoot) {
      return Promise.resolve(
        "only root may change a daemon of the system: use sudo, or --user for an agent of your own",
      );
    }
    if (scope === "user" && isRoot) {
      return Promise.resolve("an agent belongs to the user who is logged in: call it without sudo, or without --user");
    }
    return Promise.resolve(undefined);
  }

  async install(definition: ServiceDefinition): Promise<readonly Step[]> {
    const { scope, denoDir, inspect = refuseUnsafe } = this.#options;
    if (scope === "system") inspect(definition, { files: new UnixFiles(), denoDir });
    const text = jobText(definition, { denoDir });
    const enable = await this.#enable();
    if (await this.#read() === text) return enable;
    const job = await this.#print();
    const isWanted = job !== undefined && stateOf(job) !== "stopped";
    return [
      ...(job === undefined ? [] : [this.#unload()]),
      { does: `write ${this.#path}`, text, run: () => this.#write(text) },
      ...enable,
      ...(isWanted ? [this.#load(), this.#awaitReady(0, definition.stateDir)] : []),
    ];
  }

  async uninstall(): Promise<readonly Step[]> {
    const text = await this.#read();
    const job = await this.#print();
    return [
      ...(job === undefined ? [] : [this.#unload()]),
      ...(text === undefined ? [] : [{ does: `remove ${this.#path}`, run: () => Deno.remove(this.#path) }]),
    ];
  }

  async start(): Promise<readonly Step[]> {
    const text = await this.#read();
    if (text === undefined) throw notInstalled("start", this.#options);
    const job = await this.#print();
    if (job !== undefined && job.pid !== null) return [];
    const ready = this.#awaitReady(job?.runs ?? 0, flagValue(readArguments(text) ?? null, "--state-dir"));
    if (job !== undefined) return [this.#step(["kickstart", this.#target]), ready];
    return [...await this.#enable(), this.#load(), ready]; // a disabled job cannot be loaded
  }

  async stop(): Promise<readonly Step[]> {
    const job = await this.#print();
    if (job !== undefined) return [this.#unload()];
    if (await this.#read() === undefined) throw notInstalled("stop", this.#options);
    return [];
  }

  async status(): Promise<ServiceStatus> {
    const text = await this.#read();
    const job = await this.#print();
    return {
      state: job !== undefined ? stateOf(job) : text === undefined ? "absent" : "stopped",
      pid: job?.pid ?? null,
      exitCode: job?.exitCode ?? null,
      startsAtBoot: text !== undefined && !await this.#isDisabled(),
      command: text === undefined ? null : readArguments(text) ?? null,
      definition: text === undefined ? null : this.#path,
    };
  }

  log(stateDir: string): ServiceLog {
    return { kind: "file", path: `${stateDir}/daemon.log` };
  }

  /** launchd stops a job by SIGTERM. A job does not report to it that it is ready. */
  async run(work: (service: ServiceRun) => Promise<void>): Promise<void> {
    const stopping = new AbortController();
    const stopSignals = this.#options.onSignal(["SIGTERM", "SIGINT", "SIGHUP"], () => stopping.abort());
    try {
      await work({ signal: stopping.signal, ready: () => {} });
    } finally {
      stopSignals();
    }
  }

  /** The property list; `undefined` when there is none. */
  async #read(): Promise<string | undefined> {
    return await ifThereAsync(() => Deno.readTextFile(this.#path));
  }

  /** Replaces the file at once. launchd takes only one that nobody but its owner can write. */
  async #write(text: string): Promise<void> {
    const draft = `${this.#path}.${Deno.pid}`;
    await Deno.mkdir(this.#options.folder, { recursive: true });
    await Deno.writeTextFile(draft, text);
    await Deno.chmod(draft, 0o644);
    await Deno.rename(draft, this.#path);
  }

  /** The job; `undefined` when it is not loaded. */
  async #print(): Promise<JobPrint | undefined> {
    const outcome = await this.#ask(["print", this.#target]);
    if (outcome.code === NO_SUCH_JOB) return undefined;
    if (outcome.code !== 0) throw failure(`read ${this.#target}`, outcome);
    return parsePrint(outcome.stdout);
  }

  async #isDisabled(): Promise<boolean> {
    const outcome = await this.#ask(["print-disabled", this.#domain]);
    if (outcome.code !== 0) throw failure(`read what is disabled in ${this.#domain}`, outcome);
    return isDisabled(outcome.stdout, SERVICE_NAME);
  }

  async #enable(): Promise<Step[]> {
    return await this.#isDisabled() ? [this.#step(["enable", this.#target])] : [];
  }

  #load(): Step {
    return this.#step(["bootstrap", this.#domain, this.#path]);
  }

  #unload(): Step {
    const args = ["bootout", this.#target];
    return {
      ...this.#step(args),
      run: async () => {
        const outcome = await this.#ask(args);
        const isUnderWay = [0, NO_SUCH_PROCESS, IN_PROGRESS, NO_SUCH_JOB].includes(outcome.code);
        if (!isUnderWay) throw failure(`stop ${this.#target}`, outcome);
        const isGone = await this.#until(async () => await this.#print() === undefined);
        if (!isGone) throw new Error(`Cannot stop ${this.#target}: launchd has not ended it in time`);
      },
    };
  }

  /** @param runs is how often launchd had started it before. */
  #awaitReady(runs: number, stateDir: string | undefined): Step {
    return {
      does: "wait until it is ready",
      run: async () => {
        const isReady = await this.#until(async () => {
          const job = await this.#print();
          if (job === undefined) throw new Error(`Cannot start ${this.#target}: launchd has dropped it`);
          const hasEnded = job.pid === null && (job.runs ?? 0) > runs && (job.exitCode !== null || job.wasKilled);
          if (hasEnded) throw startFailure(this.#target, `it ended with ${endOf(job)}`, stateDir);
          if (stateDir === undefined) return job.pid !== null; // a list that was written by hand names no state folder
          return job.pid !== null && readDaemonFile(stateDir)?.pid === job.pid;
        });
        if (!isReady) throw startFailure(this.#target, "it is not ready in time", stateDir);
      },
    };
  }

  /** A step that is one call of launchctl, which must succeed. */
  #step(args: readonly string[]): Step {
    const does = `launchctl ${args.join(" ")}`;
    return {
      does,
      run: async () => {
        const outcome = await this.#ask(args);
        if (outcome.code !== 0) throw failure(does, outcome);
      },
    };
  }

  async #ask(args: readonly string[]): Promise<ProgramOutcome> {
    const { launchctl = ["/bin/launchctl"] } = this.#options;
    return await runProgram(launchctl, args, { timeoutMs: TIMEOUT_MS, intent: `launchctl ${args.join(" ")}` });
  }

  /** Asks until the answer is yes. @returns whether it came in time. */
  async #until(isDone: () => Promise<boolean>): Promise<boolean> {
    const { limitMs = 15_000, pauseMs = 100 } = this.#options;
    return await retryUntil(isDone, { limitMs, pauseMs }) ?? false;
  }
}

/** launchd has many words for a job that does not run; how the last run ended says more. */
function stateOf({ state, pid, exitCode, wasKilled }: JobPrint): ServiceState {
  if (state === "xpcproxy") return "starting"; // the process that will become the program
  if (pid !== null || state === "running") return "running";
  if (wasKilled || (exitCode ?? 0) !== 0) return "failed";
  return state === "spawn scheduled" ? "starting" : "stopped";
}

function endOf({ exitCode }: JobPrint): string {
  return exitCode === null ? "a signal" : `exit code ${exitCode}`;
}

function notInstalled(what: string, { scope }: LaunchdOptions): Error {
  const command = `portd service install${scope === "user" ? " --user" : ""}`;
  return new Error(`Cannot ${what} the service: it is not installed; install it with: ${command}`);
}

function startFailure(target: string, why: string, stateDir: string | undefined): Error {
  const where = stateDir === undefined ? "" : `; its log is ${stateDir}/daemon.log`;
  return new Error(`Cannot start ${target}: ${why}${where}`);
}

function failure(intent: string, { code, stdout, stderr }: ProgramOutcome): Error {
  const said = (stderr.trim() || stdout.trim()).split("\n").join("; ");
  return new Error(`Cannot ${intent}: launchctl ended with ${code}${said === "" ? "" : `: ${said}`}`);
}
