/** Defining a command: the flags and arguments that commands share, and how all of them fail. */
import { buildCommand, type Command } from "@stricli/core";
import type { Answer } from "./answer.ts";
import type { CliContext, CommonFlags } from "./context.ts";
import { guard } from "./exit.ts";
import { parsePair, parsePath } from "./parse.ts";

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

/** An optional flag that takes one of these words. */
export const choiceFlag = <const T extends string>(values: readonly T[], brief: string) =>
  ({ kind: "enum", values, brief, optional: true }) as const;

/** Definitions of {@linkcode CommonFlags}. */
export const COMMON_FLAGS = {
  url: textFlag("URL", "Address of the daemon (PORTD_URL)"),
  stateDir: parsedFlag("DIR", "State folder of the daemon (PORTD_STATE_DIR)", parsePath),
  noStart: switchFlag("Do not start a daemon when none runs (PORTD_AUTOSTART=0)"),
  // json_words.ts takes the fields from the command line before it is parsed.
  json: switchFlag("Print the answer, and errors, as JSON; of the answer only some fields: --json FIELD,FIELD"),
} as const;

/** An argument; of type string. */
export const argument = (placeholder: string, brief: string) => ({ parse: String, placeholder, brief }) as const;

/** What a shell proposes for a word that is typed; completion/proposals.ts is loaded when one asks. */
const proposing = (what: "leaseNames" | "serviceNames" | "leaseLabels") => ({
  async proposeCompletions(this: CliContext, partial: string): Promise<readonly string[]> {
    const proposals: typeof import("./completion/proposals.ts") = await import("./completion/proposals.ts" as string);
    return await proposals[what](this, partial);
  },
});

/** The argument of a command about one lease or port; naming.ts reads it. */
export const NAME_OR_PORT = {
  ...argument("NAME|PORT", "A lease by its name or id, or a port"),
  ...proposing("leaseNames"),
};

/** The argument of a command that leases a service. */
export const SERVICE_NAME = { ...argument("NAME", "A service, like web"), ...proposing("serviceNames") };

/** A flag that names a label of leases. */
export const labelFlag = (brief: string) =>
  ({ ...parsedFlag("k=v", brief, parsePair), ...proposing("leaseLabels") }) as const;

/** What a command gets for its flags. All are optional. */
export type FlagsOf<Definitions> = { readonly [Name in keyof Definitions]?: ValueOf<Definitions[Name]> };

type ValueOf<Flag> = Flag extends { readonly kind: "boolean" } ? boolean
  : Flag extends { readonly values: readonly (infer Value)[] } ? Value
  : Flag extends { readonly parse: (text: string) => infer Value; readonly variadic: unknown } ? readonly Value[]
  : Flag extends { readonly parse: (text: string) => infer Value } ? Value
  : never;

type Argument = ReturnType<typeof argument> & { readonly optional?: true };

/** What a command gets for its arguments; for a single definition there may be any number of them. */
type ArgumentsOf<Args extends readonly Argument[] | Argument> = Args extends readonly Argument[]
  ? { readonly [Index in keyof Args]: Args[Index] extends { readonly optional: true } ? string | undefined : string }
  : string[];

/** A command. */
export interface Definition<Flags, Args extends readonly Argument[] | Argument> {
  /** @default only the common ones */
  readonly flags?: Flags;
  /** So many arguments, or fewer; without a list any number of them. @default none */
  readonly args?: Args;
  /** For the list of commands; those right below `portd` have it in app.ts. */
  readonly brief?: string;
  /** What `--help` says. @default brief */
  readonly help?: string;
  /** What it prints with `--json`. @default nothing */
  readonly answer?: Answer;
  /** The synopsis first, then examples. @default ["[--json]"] */
  readonly usage?: readonly (string | { readonly input: string; readonly brief: string })[];
  readonly run: (context: CliContext, flags: FlagsOf<Flags>, ...args: ArgumentsOf<Args>) => void | Promise<void>;
}

/** A command, with what stricli need not know. */
export interface PortdCommand extends Command<CliContext> {
  readonly answer: Answer | undefined;
  /** Whether words that are no flags may stand behind it. */
  readonly takesArguments: boolean;
}

/**
 * Makes a command whose failures are a message on stderr and an exit code. What `run` gets has the types that follow from
 * the flags and arguments.
 */
export function defineCommand<
  Flags extends Pick<typeof COMMON_FLAGS, "json"> = typeof COMMON_FLAGS,
  const Args extends readonly Argument[] | Argument = [],
>(definition: Definition<Flags, Args>): PortdCommand {
  const { answer, flags = COMMON_FLAGS, args = [], brief = "", help = brief, usage = ["[--json]"] } = definition;
  const positional = "parse" in args ? { kind: "array", parameter: args } : { kind: "tuple", parameters: args };
  // No prototype: stricli looks up flags with `in`, and "--constructor" is no flag.
  const parameters = { positional, flags: Object.assign(Object.create(null), flags) };
  const run = definition.run as (context: CliContext, ...rest: unknown[]) => void | Promise<void>;
  const command = buildCommand<CommonFlags, string[], CliContext>({
    parameters: parameters as never, // stricli cannot see that these types fit together
    docs: { brief, fullDescription: help + fieldsText(answer), customUsage: usage },
    async func(this: CliContext, flags: CommonFlags, ...args: string[]) {
      await guard(this, flags, () => run(this, flags, ...args));
    },
  });
  return { ...command, answer, takesArguments: "parse" in args || args.length > 0 };
}

function fieldsText(answer: Answer | undefined): string {
  if (answer === undefined || answer.fields.length === 0) return "";
  return `\n\nFields for --json: ${answer.fields.join(", ")}.`;
}
