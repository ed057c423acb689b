/**
 * Reading what launchctl(1) prints. Its manual promises no format: what this file does not understand counts as not
 * printed. Pure.
 */

/** A job as `launchctl print` describes it. */
export interface JobPrint {
  /** launchd's own word: `running`, `not running`, `waiting`, `spawn scheduled`, `xpcproxy`, …; empty when not printed. */
  readonly state: string;
  readonly pid: number | null;
  /** Of the last run; null when there was none, or a signal ended it. */
  readonly exitCode: number | null;
  /** Whether a signal ended the last run. */
  readonly wasKilled: boolean;
  /** How often it was started since it was loaded; null when not printed. */
  readonly runs: number | null;
}

/** The exit code of `launchctl` when the job is not loaded. */
export const NO_SUCH_JOB = 113;

/** Reads the answer of `launchctl print DOMAIN/LABEL`. */
export function parsePrint(text: string): JobPrint {
  const facts = new Map<string, string>();
  // Only lines of the first depth are about the job itself; blocks below have their own `state` and `pid`.
  for (const [, name, value] of text.matchAll(/^(?:\t| {4})([a-z][a-z ]*?) = (.*?)\s*$/gm)) {
    if (!facts.has(name!) && value !== "{") facts.set(name!, value!);
  }
  return {
    state: facts.get("state") ?? "",
    pid: numberOf(facts.get("pid")),
    exitCode: numberOf(facts.get("last exit code")),
    wasKilled: facts.has("last terminating signal"),
    runs: numberOf(facts.get("runs")),
  };
}

/** Whether the answer of `launchctl print-disabled DOMAIN` says that launchd does not load the job at the next start. */
export function isDisabled(text: string, label: string): boolean {
  // `=> disabled` since macOS 13, `=> true` before.
  return text.split("\n").some((line) => /^\s*"(.*)" => (?:disabled|true)\s*$/.exec(line)?.[1] === label);
}

/** The number in `1` or `78: EX_CONFIG`; null for `(never exited)`. */
function numberOf(text = ""): number | null {
  const [, digits] = /^(\d{1,10})(?::.*)?$/.exec(text) ?? [];
  return digits === undefined ? null : Number(digits);
}
