/**
 * portd as a job of launchd: a daemon of the system, or an agent of one user's sessions. Manuals: launchd.plist(5),
 * launchctl(1). plist.ts writes the job; launchctl.ts reads what launchctl prints about it.
 *
 * launchd starts a job as soon as it is loaded. So a stopped service is a job that is not loaded. Its property list
 * stays where launchd looks when the machine, or the session, starts.
 */
import { type Program, type ProgramOutcome, runProgram } from "../../os/program.ts";
import { readDaemonFile } from "../../state/state_folder.ts";
import { retryUntil } from "../../wait.ts";
import { denoDirOf } from "../deno_dir.ts";
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
import { readText, removeStep, UnixFiles, type UnixServiceOptions, writeStep } from "../unix_files.ts";
import { isDisabled, type JobPrint, NO_SUCH_JOB, parsePrint } from "./launchctl.ts";
import { jobText, readArguments } from "./plist.ts";

/** Options of {@linkcode Launchd}. */
export interface LaunchdOptions extends UnixServiceOptions {
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
/** Exit codes where launchd has no such domain: gui/UID is there only while that user is logged in at the screen. */
const NO_DOMAIN: ReadonlySet<number> = new Set([112, 125]);

/** Where launchd looks for property lists. @throws {Error} when the environment names no home, for an agent. */
export function definitionFolder({ isUser, env }: Pick<LaunchdOptions, "isUser" | "env">): string {
  if (!isUser) return "/Library/LaunchDaemons";
  if (env.HOME) return `${env.HOME}/Library/LaunchAgents`;
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
    this.#domain = options.isUser ? `gui/${options.uid}` : "system";
    this.#target = `${this.#domain}/${SERVICE_NAME}`;
    this.#path = `${options.root ?? ""}${definitionFolder(options)}/${SERVICE_NAME}.plist`;
  }

  refusal(): Promise<string | undefined> {
    const { isUser, uid } = this.#options, isRoot = uid === 0;
    if (isUser !== isRoot) return Promise.resolve(undefined);
    return Promise.resolve(
      isUser
        ? "an agent belongs to the user who is logged in: call it without sudo, or without --user"
        : "only root may change a daemon of the system: use sudo, or --user for an agent of your own",
    );
  }

  async install(definition: ServiceDefinition): Promise<readonly Step[]> {
    const { isUser, env, inspect = refuseUnsafe } = this.#options;
    const denoDir = denoDirOf("darwin", env);
    if (!isUser) inspect(definition, { files: new UnixFiles(), denoDir });
    const text = jobText(definition, denoDir);
    const enable = await this.#enable();
    if (await readText(this.#path) === text) return enable;
    const job = await this.#print();
    const isWanted = job !== undefined && stateOf(job) !== "stopped";
    return [
      ...(job === undefined ? [] : [this.#unload()]),
      writeStep(this.#path, text),
      ...enable,
      ...(isWanted ? [this.#load(), this.#awaitReady(0, definition.stateDir)] : []),
    ];
  }

  async uninstall(): Promise<readonly Step[]> {
    const text = await readText(this.#path);
    const job = await this.#print();
    return [
      ...(job === undefined ? [] : [this.#unload()]),
      ...(text === undefined ? [] : [removeStep(this.#path)]),
    ];
  }

  async start(): Promise<readonly Step[]> {
    const text = await readText(this.#path);
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
    if (await readText(this.#path) === undefined) throw notInstalled("stop", this.#options);
    return [];
  }

  async status(): Promise<ServiceStatus> {
    const text = await readText(this.#path);
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

  /** The job; `undefined` when it is not loaded. */
  async #print(): Promise<JobPrint | undefined> {
    const outcome = await this.#ask(["print", this.#target]);
    if (outcome.code === NO_SUCH_JOB) return undefined;
    if (outcome.code !== 0) throw this.#failure(`read ${this.#target}`, outcome);
    return parsePrint(outcome.stdout);
  }

  async #isDisabled(): Promise<boolean> {
    const intent = `read what is disabled in ${this.#domain}`;
    return isDisabled(await this.#call(["print-disabled", this.#domain], intent), SERVICE_NAME);
  }

  async #enable(): Promise<Step[]> {
    return await this.#isDisabled() ? [this.#step(["enable", this.#target])] : [];
  }

  #load(): Step {
    return this.#step(["bootstrap", this.#domain, this.#path]);
  }

  #unload(): Step {
    const args = ["bootout", this.#target];
    const run = async () => {
      const outcome = await this.#ask(args);
      const isUnderWay = [0, NO_SUCH_PROCESS, IN_PROGRESS, NO_SUCH_JOB].includes(outcome.code);
      if (!isUnderWay) throw this.#failure(`stop ${this.#target}`, outcome);
      const isGone = await this.#until(async () => await this.#print() === undefined);
      if (!isGone) throw new Error(`Cannot stop ${this.#target}: launchd has not ended it in time`);
    };
    return { does: `launchctl ${args.join(" ")}`, run };
  }

  /** @param runs is how often launchd had started it before. */
  #awaitReady(runs: number, stateDir: string | undefined): Step {
    const failed = (why: string) => {
      const where = stateDir === undefined ? "" : `; its log is ${stateDir}/daemon.log`;
      return new Error(`Cannot start ${this.#target}: ${why}${where}`);
    };
    const run = async () => {
      const isReady = await this.#until(async () => {
        const job = await this.#print();
        if (job === undefined) throw new Error(`Cannot start ${this.#target}: launchd has dropped it`);
        const { pid, exitCode, wasKilled } = job;
        const hasEnded = pid === null && (job.runs ?? 0) > runs && (exitCode !== null || wasKilled);
        if (hasEnded) throw failed(`it ended with ${exitCode === null ? "a signal" : `exit code ${exitCode}`}`);
        if (stateDir === undefined) return pid !== null; // a list that was written by hand names no state folder
        return pid !== null && readDaemonFile(stateDir)?.pid === pid;
      });
      if (!isReady) throw failed("it is not ready in time");
    };
    return { does: "wait until it is ready", run };
  }

  /** A step that is one call of launchctl, which must succeed. */
  #step(args: readonly string[]): Step {
    const does = `launchctl ${args.join(" ")}`;
    return { does, run: async () => void await this.#call(args, does) };
  }

  /** What a call prints that must succeed. */
  async #call(args: readonly string[], intent: string): Promise<string> {
    const outcome = await this.#ask(args);
    if (outcome.code !== 0) throw this.#failure(intent, outcome);
    return outcome.stdout;
  }

  async #ask(args: readonly string[]): Promise<ProgramOutcome> {
    const { launchctl = ["/bin/launchctl"] } = this.#options;
    return await runProgram(launchctl, args, { timeoutMs: TIMEOUT_MS, intent: `launchctl ${args.join(" ")}` });
  }

  #failure(intent: string, { code, stdout, stderr }: ProgramOutcome): Error {
    if (this.#options.isUser && NO_DOMAIN.has(code)) {
      const way = "log in there, or install portd as a daemon of the system: with sudo and without --user";
      return new Error(`Cannot ${intent}: this user is not logged in at the screen, where agents run; ${way}`);
    }
    const said = (stderr.trim() || stdout.trim()).split("\n").join("; ");
    return new Error(`Cannot ${intent}: launchctl ended with ${code}${said === "" ? "" : `: ${said}`}`);
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

function notInstalled(what: string, { isUser }: LaunchdOptions): Error {
  const command = `portd service install${isUser ? " --user" : ""}`;
  return new Error(`Cannot ${what} the service: it is not installed; install it with: ${command}`);
}
