/** `portd run --scope`: what the command and all that it starts lease ends with it. */
import type { PortdClient } from "../../client/client.ts";
import { reasonOf } from "../../errors.ts";
import {
  isScopeName,
  openScope,
  readScope,
  runLabel,
  type Scope,
  SCOPE_EXPECTED,
  SCOPE_VARIABLE,
  scopeLabels,
  scopeText,
} from "../../project/scope.ts";
import { parsedFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { readOr } from "../parse.ts";
import { writeLine } from "../terminal.ts";

const LIMIT_MS = 5000;

/** The flag. */
export const SCOPE_FLAG = parsedFlag(
  "NAME",
  "All leases of the command, and of what it starts, have this label and end with it",
  (text) => readOr(isScopeName(text) ? text : undefined, SCOPE_EXPECTED),
);

/** The scope of a run. */
export interface RunScope {
  /** The one that this run has opened. */
  readonly own: Scope | undefined;
  /** That in which its leases are: its own, or one around it. */
  readonly used: Scope | undefined;
  /** The labels of its leases; `undefined` without any. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** What tells the command of it. */
  readonly variables: Readonly<Record<string, string>>;
}

/** @param name is that of `--scope`. @param label are those of `--label`. */
export function scopeOfRun(
  { env }: CliContext,
  name: string | undefined,
  label: readonly (readonly [string, string])[] | undefined,
): RunScope {
  const own = name === undefined ? undefined : openScope(name, Deno.pid);
  const used = own ?? readScope(env[SCOPE_VARIABLE]);
  return {
    own,
    used,
    labels: used === undefined && label === undefined
      ? undefined
      : { ...scopeLabels(used), ...Object.fromEntries(label ?? []) },
    variables: own === undefined ? {} : { [SCOPE_VARIABLE]: scopeText(own) },
  };
}

/** Releases what is left of the run's own scope. A failure is only reported: the leases end with this process anyway. */
export async function closeScope({ own }: RunScope, client: PortdClient, { process }: CliContext): Promise<void> {
  if (own === undefined) return;
  try {
    await client.releaseByLabel(runLabel(own), { signal: AbortSignal.timeout(LIMIT_MS) });
  } catch (error) {
    writeLine(process.stderr, `portd: Cannot release the leases of the scope ${own.name}: ${reasonOf(error)}`);
  }
}
