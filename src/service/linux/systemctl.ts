/** systemctl(1): asked by properties, whose names and values are not translated. */
import { type Program, runProgram } from "../../os/program.ts";
import type { ServiceState } from "../service.ts";
import { UNIT } from "./unit.ts";

/** The unit as systemd has it. */
export interface UnitState {
  readonly state: ServiceState;
  readonly pid: number | null;
  /** Of the last run; 128 and its number after a signal, as in a shell. */
  readonly exitCode: number | null;
  readonly isEnabled: boolean;
  /** Path of the file; null when it has none. */
  readonly definition: string | null;
  /** Whether the file has changed since systemd has read it. */
  readonly needsReload: boolean;
}

const PROPERTIES = [
  "LoadState",
  "ActiveState",
  "MainPID",
  "ExecMainCode",
  "ExecMainStatus",
  "UnitFileState",
  "FragmentPath",
  "NeedDaemonReload",
];
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
  const values = new Map(
    text.split("\n").map((line): [string, string] => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const isAbsent = values.get("LoadState") === "not-found";
  const file = values.get("FragmentPath");
  return {
    state: isAbsent ? "absent" : STATES[values.get("ActiveState") ?? ""] ?? "stopped",
    pid: Number(values.get("MainPID")) || null,
    exitCode: exitCodeOf(Number(values.get("ExecMainCode")), Number(values.get("ExecMainStatus"))),
    isEnabled: values.get("UnitFileState") === "enabled",
    definition: file ? file : null,
    needsReload: values.get("NeedDaemonReload") === "yes",
  };
}

function exitCodeOf(code: number, status: number): number | null {
  if (code === CLD_EXITED) return status;
  return code === CLD_KILLED || code === CLD_DUMPED ? 128 + status : null;
}

/** systemctl for one unit, of the system or of a user. */
export class Systemctl {
  readonly #program: Program;
  readonly #journal: Program;

  /** @param journal is journalctl with the words that select the unit's lines. */
  constructor(program: Program, journal: Program) {
    this.#program = program;
    this.#journal = journal;
  }

  /** @throws {Error} when systemd does not answer. */
  async show(): Promise<UnitState> {
    return parseShow(
      await this.#run(["show", `--property=${PROPERTIES.join(",")}`, UNIT], `ask systemd about ${UNIT}`),
    );
  }

  /** `systemctl VERB portd.service`. @throws {Error} with what systemctl said. */
  async call(verb: string): Promise<void> {
    await this.#run([verb, UNIT], `${verb} ${UNIT}`);
  }

  /** The same for a verb whose failure is the service's: the error has the last lines of its log too. */
  async callService(verb: string): Promise<void> {
    try {
      await this.call(verb);
    } catch (error) {
      throw new Error(`${(error as Error).message}${await this.#lastLines()}`, { cause: error });
    }
  }

  /** Makes systemd read its files again and forget a failure of the unit. */
  async reload(): Promise<void> {
    await this.#run(["daemon-reload"], "have systemd read its units");
    if ((await this.show()).state === "failed") await this.call("reset-failed");
  }

  async #run(args: readonly string[], intent: string): Promise<string> {
    const { code, stdout, stderr } = await runProgram(this.#program, args, { timeoutMs: TIMEOUT_MS, intent });
    if (code === 0) return stdout;
    throw new Error(`Cannot ${intent}: ${stderr.trim() || `systemctl ended with exit code ${code}`}`);
  }

  async #lastLines(): Promise<string> {
    const args = ["--no-pager", "--output=cat", `--lines=${LINES}`];
    const intent = "read the journal";
    const { code, stdout } = await runProgram(this.#journal, args, { timeoutMs: TIMEOUT_MS, intent });
    const lines = code === 0 ? stdout.trim() : "";
    return lines === "" ? "" : `\nIts last lines:\n${lines.replaceAll(/^/gm, "  ")}`;
  }
}
