/** What launchctl(1) says, read. Its manual calls that no interface: what is not understood counts as not said. Pure. */

/** A job as `launchctl print` tells of it. */
export interface JobPrint {
  /** launchd's own word: `running`, `not running`, `waiting`, `spawn scheduled`, `xpcproxy`, …; empty when not told. */
  readonly state: string;
  readonly pid: number | null;
  /** Of the last run; null when there was none, or a signal ended it. */
  readonly exitCode: number | null;
  /** Whether a signal ended the last run. */
  readonly wasKilled: boolean;
  /** How often it was started since it was loaded; null when not told. */
  readonly runs: number | null;
}

/** `launchctl` ends with it when the job is not loaded. */
export const NO_SUCH_JOB = 113;

/** Reads the answer of `launchctl print DOMAIN/LABEL`. */
export function parsePrint(text: string): JobPrint {
  const facts = new Map<string, string>();
  // Of the job itself only what stands at the first depth; blocks below have their own `state` and `pid`.
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

/** Whether the answer of `launchctl print-disabled DOMAIN` says that the job is not to be loaded at the next start. */
export function isDisabled(text: string, label: string): boolean {
  // `=> disabled` since macOS 13, `=> true` before.
  return text.split("\n").some((line) => /^\s*"(.*)" => (?:disabled|true)\s*$/.exec(line)?.[1] === label);
}

/** `1`, and `78: EX_CONFIG`; of `(never exited)` nothing. */
function numberOf(text = ""): number | null {
  const [, digits] = /^(\d{1,10})(?::.*)?$/.exec(text) ?? [];
  return digits === undefined ? null : Number(digits);
}
