/** Defining a command: the flags and arguments that commands share, and how all of them fail. */
import { buildCommand, type Command, type TypedCommandParameters } from "@stricli/core";
import type { CliContext, CommonFlags } from "./context.ts";
import { guard } from "./exit.ts";
import { parsePath } from "./parse.ts";

/** An optional flag that takes no value. */
export const switchFlag = (brief: string) => ({ kind: "boolean", brief, optional: true, withNegated: false }) as const;

/** An optional flag that takes text. */
export const textFlag = (placeholder: string, brief: string) =>
  ({ kind: "parsed", parse: String, placeholder, brief, optional: true }) as const;

/** An optional flag that takes text and parses it. */
export const parsedFlag = <T>(placeholder: string, brief: string, parse: (text: string) => T) =>
  ({ kind: "parsed", parse, placeholder, brief, optional: true }) as const;

/** An optional flag that may be given several times, or once with several values where there is a `separator`. */
export const listFlag = <T>(
  placeholder: string,
  brief: string,
  { parse, separator }: { readonly parse: (text: string) => T; readonly separator?: string },
) => ({ kind: "parsed", parse, placeholder, brief, optional: true, variadic: separator ?? true }) as const;

/** Definitions of {@linkcode CommonFlags}. */
export const COMMON_FLAGS = {
  url: textFlag("URL", "Address of the daemon (PORTD_URL)"),
  stateDir: parsedFlag("DIR", "State folder of the daemon (PORTD_STATE_DIR)", parsePath),
  noStart: switchFlag("Do not start a daemon when none runs (PORTD_AUTOSTART=0)"),
  json: switchFlag("Print the answer, and errors, as JSON"),
} as const;

/** The argument of a command about one lease or port; naming.ts reads it. */
export const NAME_OR_PORT = {
  parse: String,
  placeholder: "NAME|PORT",
  brief: "A lease by its name or id, or a port",
} as const;

/** A command. */
export interface Definition<Flags extends CommonFlags, Args extends readonly unknown[]> {
  readonly parameters: TypedCommandParameters<Flags, Args, CliContext>;
  readonly docs: {
    /** For the list of commands; those right below `portd` have it in app.ts. */
    readonly brief?: string;
    /** What `--help` says. @default brief */
    readonly fullDescription?: string;
    /** The synopsis first, then examples. */
    readonly customUsage: readonly (string | { readonly input: string; readonly brief: string })[];
  };
  readonly run: (context: CliContext, flags: Flags, ...args: Args) => void | Promise<void>;
}

/** Makes a command whose failures are a message on stderr and an exit code. */
export function command<Flags extends CommonFlags, Args extends readonly unknown[]>(
  { parameters, docs, run }: Definition<Flags, Args>,
): Command<CliContext> {
  return buildCommand<Flags, Args, CliContext>({
    // No prototype: stricli looks up flags with `in`, and "--constructor" is no flag.
    parameters: { ...parameters, flags: Object.assign(Object.create(null), parameters.flags) },
    docs: { brief: "", ...docs },
    async func(this: CliContext, flags: Flags, ...args: Args) {
      await guard(this, flags, () => run(this, flags, ...args));
    },
  });
}
