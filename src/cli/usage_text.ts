/** The help of portd as a whole, and the messages about faults of the command line. */
import { type ArgumentScannerError, formatMessageForArgumentScannerError } from "@stricli/core";
import { messageOf } from "../errors.ts";
import { describeFailure, UsageError } from "./exit.ts";
import type { TextStream } from "./context.ts";
import { hang, styled } from "./terminal.ts";

/**
 * What `portd --help` prints.
 *
 * @param briefs are the commands, each with what it does in a line.
 * @param stream is where it is printed.
 */
export function rootHelp(
  briefs: Readonly<Record<string, string>>,
  stream: Pick<TextStream, "getColorDepth">,
): string {
  const bold = (text: string) => styled(text, "bold", stream);
  const width = Math.max(...Object.keys(briefs).map((name) => name.length));
  const commands = Object.entries(briefs).map(([name, brief]) => `  ${bold(name.padEnd(width))}  ${brief}`);
  return `portd leases the TCP and UDP ports of this machine, so that no two services want the same one.

${bold("USAGE")}
  portd COMMAND [ARGUMENTS] [FLAGS]
  portd help [COMMAND]

${bold("COMMANDS")}
${commands.join("\n")}

${bold("EXAMPLES")}
  PORT=$(portd lease web) npm run dev       lease a port for "web" of this project, and use it
  portd run web -- npm run dev              the same, with PORT set and the lease released at the end
  portd run web api -- make dev             several: PORT and WEB_PORT, API_PORT
  portd ls                                  who has which port; also: portd list
  portd release web                         release it

${bold("FLAGS OF EVERY COMMAND")}
  --url URL          address of the daemon (PORTD_URL)
  --state-dir DIR    state folder of the daemon (PORTD_STATE_DIR)
  --no-start         do not start a daemon when none runs (PORTD_AUTOSTART=0)
  --json             print the answer, and errors, as JSON; --json FIELD,FIELD prints these fields of it
  -h, --help         print help
  -v, --version      print the version (without a command)

${bold("EXIT CODES")}
  0 ok, 1 failure, 2 usage, 3 no daemon, 4 conflict, 5 pool exhausted, 6 permission, 7 timed out, 8 unproven
`;
}

/** What is written before the text that goes on below: a flag, a command with its arguments, or an indentation. */
const HEAD = /^.*\S.* {2,}|^ +portd \S+ |^ */;
/** What stricli lines up behind the texts of all flags: the values of one. */
// deno-lint-ignore no-control-regex -- codes for colours begin with one
const VALUES = / {2,}(?=\[(?:\x1b\[[\d;]*m|[^[\]])*\]$)/;

/** Help in lines of at most so many characters: the lines of a paragraph are joined, and what is too long goes on below. */
export function reflow(help: string, width: number): string {
  // A paragraph begins at the margin; everything else is indented, or begins with a code for a colour.
  // deno-lint-ignore no-control-regex -- that code begins with one
  const joined = help.replaceAll(/(?<=^[^\s\x1b][^\n]*)\n(?=[^\s\x1b])/gm, " ");
  return joined.split("\n").map((line) => {
    const text = line.trimEnd().replace(VALUES, " ");
    const [head = ""] = HEAD.exec(text) ?? [];
    return hang(head, text.slice(head.length), width);
  }).join("\n");
}

/** A fault in the words after a command like `portd service install`: what was given, for what, and what would work. */
export function describeFault(
  error: ArgumentScannerError,
  { command, json }: { readonly command: string; readonly json: boolean },
): string {
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
    AliasNotFoundError: ({ input }) => `Cannot use -${input}: there is no such flag; ${help} lists the flags`,
    UnexpectedPositionalError: ({ input, expectedCount }) =>
      `Cannot use ${JSON.stringify(input)}: ${command} takes ${countOf(expectedCount)}; see ${help}`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `Cannot use --${externalFlagName}: it takes a value`,
    UnsatisfiedPositionalError: ({ placeholder }) => `Cannot run ${command}: ${placeholder} is missing; see ${help}`,
  });
  const message = text.startsWith("Cannot ") ? text : `Cannot read the command line: ${text}`;
  return describeFailure(new UsageError(message), { json });
}

/** A first word that is no command. */
export function describeUnknown(
  { input, corrections }: { readonly input: string; readonly corrections: readonly string[] },
  { json }: { readonly json: boolean },
): string {
  const hint = input.startsWith("-")
    ? "the command comes first, then its flags; portd --help lists the commands"
    : `there is no such command; ${
      corrections.length > 0 ? `did you mean ${corrections.join(" or ")}?` : "portd --help lists them"
    }`;
  return describeFailure(new UsageError(`Cannot run ${JSON.stringify(input)}: ${hint}`), { json });
}

/** Flags have names in small letters, and arguments in capitals. */
function fieldOf(name: string): string {
  return name === name.toLowerCase() ? `--${name}` : name;
}

function countOf(count: number): string {
  return count === 0 ? "no arguments" : count === 1 ? "one argument" : `${count} arguments`;
}
