/** systemctl(1): asked by properties, whose names and values are not translated. */
import { type Program, runProgram } from "../../os/program.ts";
import type { ServiceState, ServiceStatus, Step } from "../service.ts";
import { UNIT } from "./unit.ts";

/** The unit as systemd has it. The exit code after a signal is 128 and its number, as in a shell. */
export interface UnitState extends Omit<ServiceStatus, "command"> {
  /** Whether the file has changed since systemd has read it. */
  readonly needsReload: boolean;
}

const PROPERTIES =
  "LoadState,ActiveState,MainPID,ExecMainCode,ExecMainStatus,UnitFileState,FragmentPath,NeedDaemonReload";
const STATES: Readonly<Record<string, ServiceState>> = {
  active: "running",
  reloading: "running",
  refreshing: "running",
  inactive: "stopped",
  failed: "failed",
  activating: "starting",
  deactivating: "stopping",
  maintenance: "stopping",
};
/** `si_code` of SIGCHLD, sigaction(2). */
const CLD_EXITED = 1, CLD_KILLED = 2, CLD_DUMPED = 3;
/** Longer than the time limits in the unit. */
const TIMEOUT_MS = 120_000;
const LINES = 5;

/** Reads the answer of `systemctl show`. */
export function parseShow(text: string): UnitState {
  const lines = text.matchAll(/^(\w+)=(.*)$/gm);
  const values: Readonly<Record<string, string>> = Object.fromEntries(
    [...lines].map(([, name, value]) => [name, value]),
  );
  const { LoadState, ActiveState = "", MainPID, ExecMainCode, ExecMainStatus, UnitFileState, FragmentPath } = values;
  return {
    state: LoadState === "not-found" ? "absent" : STATES[ActiveState] ?? "stopped",
    pid: Number(MainPID) || null,
    exitCode: exitCodeOf(Number(ExecMainCode), Number(ExecMainStatus)),
    startsAtBoot: UnitFileState === "enabled",
    definition: FragmentPath || null,
    needsReload: values.NeedDaemonReload === "yes",
  };
}

function exitCodeOf(code: number, status: number): number | null {
  if (code === CLD_EXITED) return status;
  return code === CLD_KILLED || code === CLD_DUMPED ? 128 + status : null;
}

/** Options of {@linkcode Systemctl}. */
export interface SystemctlOptions {
  /** systemctl, with the words that choose the systemd of a user. */
  readonly program: Program;
  /** The same in the words of a user: `systemctl --user`. */
  readonly name: string;
  /** journalctl with the words that select the unit's lines. */
  readonly journal: Program;
}

/** systemctl for one unit, of the system or of a user. */
export class Systemctl {
  readonly #options: SystemctlOptions;

  constructor(options: SystemctlOptions) {
    this.#options = options;
  }

  /** @throws {Error} when systemd does not answer. */
  async show(): Promise<UnitState> {
    return parseShow(await this.#run(["show", `--property=${PROPERTIES}`, UNIT], `ask systemd about ${UNIT}`));
  }

  /** `systemctl VERB portd.service`. Its error is what systemctl said. */
  step(verb: "start" | "stop" | "enable" | "disable" | "reset-failed"): Step {
    return { does: `${this.#options.name} ${verb} ${UNIT}`, run: () => this.#call(verb) };
  }

  /** Makes systemd read its files again and forget a failure of the unit. */
  reload(): Step {
    const run = async () => {
      await this.#run(["daemon-reload"], "have systemd read its units");
      if ((await this.show()).state === "failed") await this.#call("reset-failed");
    };
    return { does: `${this.#options.name} daemon-reload`, run };
  }

  /** A start or a stop fails by the service: the error has the last lines of its log too. */
  async #call(verb: string): Promise<void> {
    try {
      await this.#run([verb, UNIT], `${verb} ${UNIT}`);
    } catch (error) {
      if (verb !== "start" && verb !== "stop") throw error;
      throw new Error(`${(error as Error).message}${await this.#lastLines()}`, { cause: error });
    }
  }

  async #run(args: readonly string[], intent: string): Promise<string> {
    const { code, stdout, stderr } = await runProgram(this.#options.program, args, { timeoutMs: TIMEOUT_MS, intent });
    if (code === 0) return stdout;
    throw new Error(`Cannot ${intent}: ${stderr.trim() || `systemctl ended with exit code ${code}`}`);
  }

  async #lastLines(): Promise<string> {
    const args = ["--no-pager", "--output=cat", `--lines=${LINES}`];
    const options = { timeoutMs: TIMEOUT_MS, intent: "read the journal" };
    const { code, stdout } = await runProgram(this.#options.journal, args, options);
    const lines = code === 0 ? stdout.trim() : "";
    return lines === "" ? "" : `\nIts last lines:\n${lines.replaceAll(/^/gm, "  ")}`;
  }
}
