/** Faults of the command line as all errors of portd are told: what was given, for what, and what would work. */
import { type ArgumentScannerError, formatMessageForArgumentScannerError } from "@stricli/core";
import { describeFailure, UsageError } from "./exit.ts";

/** What every fault is told with. */
export interface UsageTextOptions {
  /** The words that name the command: `portd service install`. */
  readonly command: string;
  readonly json: boolean;
}

/** A fault in the words behind a command. */
export function describeFault(error: ArgumentScannerError, { command, json }: UsageTextOptions): string {
  const help = `${command} --help`;
  const text = formatMessageForArgumentScannerError(error, {
    ArgumentParseError: ({ input, externalFlagNameOrPlaceholder: name, exception }) =>
      `Cannot use ${JSON.stringify(input)} for ${fieldOf(name)}: ${messageOf(exception)}`,
    EnumValidationError: ({ input, externalFlagName, values }) =>
      `Cannot use ${JSON.stringify(input)} for --${externalFlagName}: must be ${values.join(" or ")}`,
    FlagNotFoundError: ({ input, corrections }) => {
      const hint = corrections.map((name) => `--${name}`).join(" or ");
      return `Cannot use --${input}: there is no such flag; ${hint ? `did you mean ${hint}?` : `${help} lists them`}`;
    },
    UnexpectedPositionalError: ({ input, expectedCount }) =>
      `Cannot use ${JSON.stringify(input)}: ${command} takes ${countOf(expectedCount)}; ${help} tells more`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `Cannot use --${externalFlagName}: it takes a value`,
    UnsatisfiedPositionalError: ({ placeholder }) =>
      `Cannot run ${command}: ${placeholder} is missing; ${help} tells more`,
  });
  const message = text.startsWith("Cannot ") ? text : `Cannot read the command line: ${text}`;
  return describeFailure(new UsageError(message), { json });
}

/** A word in the place of a command that is none. */
export function describeUnknown(
  { input, corrections }: { readonly input: string; readonly corrections: readonly string[] },
  { json }: Pick<UsageTextOptions, "json">,
): string {
  const hint = input.startsWith("-")
    ? "a command comes first, and its flags behind it; portd --help lists the commands"
    : `there is no such command; ${
      corrections.length > 0 ? `did you mean ${corrections.join(" or ")}?` : "portd --help lists them"
    }`;
  return describeFailure(new UsageError(`Cannot run ${JSON.stringify(input)}: ${hint}`), { json });
}

/** Flags are written in small letters, and what stands without one in capitals. */
function fieldOf(name: string): string {
  return name === name.toLowerCase() ? `--${name}` : name;
}

function countOf(count: number): string {
  return count === 0 ? "no arguments" : count === 1 ? "one argument" : `${count} arguments`;
}

function messageOf(exception: unknown): string {
  return exception instanceof Error ? exception.message : String(exception);
}
