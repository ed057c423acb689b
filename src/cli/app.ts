/** The parsed command line: which commands there are, and running one. Each command is a file in commands/. */
import {
  type Application,
  ArgumentScannerError,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type Command,
  type RouteMap,
  run,
  text_en,
  UnexpectedPositionalError,
} from "@stricli/core";
import { closest } from "../suggest.ts";
import { VERSION } from "../version.ts";
import { type Choice, choose, unknownField } from "./answer.ts";
import type { CliContext } from "./context.ts";
import { describeFailure, EXIT } from "./exit.ts";
import { commandIn, takeFields } from "./json_words.ts";
import { hang, widthOf } from "./terminal.ts";
import { describeFault, describeUnknown, reflow, rootHelp } from "./usage_text.ts";

/** A command, or a command with commands below it. */
export type AnyCommand = Command<CliContext> | RouteMap<CliContext>;

/** Every command, with what it does in a line. */
export const BRIEFS = {
  lease: "Lease a port and print it",
  run: "Run a command with leased ports, and release them when it ends",
  ls: "List leases, those of this project first",
  ps: "List listening sockets, with their processes and leases",
  inspect: "Show everything about a port: free or not, whose, since when, what to do",
  release: "Release leases",
  free: "End what listens on a leased port, and release the lease",
  renew: "Extend a lease",
  wait: "Wait until a service listens on its port, or until the port is free",
  open: "Make a leased port reachable from outside",
  close: "Undo what open did",
  check: "Look what keeps others from a port, and whether it is open",
  checker: "Check ports of other machines from here, for portd check --via",
  firewall: "Show and update portd's rules in the host's firewall",
  net: "Show the network adapters, and the way to the internet",
  line: "Show which external ports the internet access can have",
  gateway: "Show the router and the mappings that portd has there",
  mcp: "Serve agents over the Model Context Protocol",
  agent: "Enter portd into the settings of coding agents, and serve their hooks",
  completions: "Print the script with which a shell completes portd's words",
  env: "Print the ports of the services in portd.yaml",
  url: "Print the address of a leased service",
  slots: "List the working copies with their services, and release those of copies that are gone",
  serve: "Run the daemon",
  stop: "Stop the daemon",
  status: "Show the state of the daemon",
  dashboard: "Open the page of this machine's ports in the browser",
  service: "Install and manage portd as a service of the system",
  doctor: "Look for problems, and say how to solve them",
  events: "Follow what happens to leases",
  export: "Export all leases as YAML or JSON",
  import: "Import leases from an export",
  openapi: "Print the OpenAPI document of the HTTP API",
  config: "Show or check the configuration",
  version: "Print the version",
} as const;

type CommandName = keyof typeof BRIEFS;

const COMMANDS = Object.keys(BRIEFS);
/** A shorter word is not far from any command. */
const LEAST_CORRECTED = 4;

/** How far a misspelt word may be from a command; stricli's own threshold of 7 would suggest "stop" for "foo". */
const DISTANCE = { threshold: 3, weights: { insertion: 1, deletion: 3, substitution: 2, transposition: 0 } } as const;

/**
 * Runs one command line.
 *
 * @param args are the words after the program's name.
 * @param loaded is the command that the first word names, or any command if it names none.
 * @returns the exit code.
 */
export async function runApp(args: readonly string[], context: CliContext, loaded: AnyCommand): Promise<number> {
  const [word = ""] = args;
  const chosen = Object.hasOwn(BRIEFS, word) ? word as CommandName : undefined;
  const inputs = context.behindDashes === undefined ? args : args.slice(0, args.indexOf("--"));
  const isGroup = chosen !== undefined && "getAllEntries" in loaded;
  const command = ["portd", ...args.slice(0, isGroup ? 2 : 1)].join(" ");
  const called = chosen === undefined ? undefined : commandIn(loaded, inputs[1]);
  const { words, isJson: json, fields, behind, unknown } = takeFields(inputs, called);
  const fit = (text: string) => json ? text : hang("", text, widthOf(context.process.stderr));
  const answer = called?.answer ?? { fields: [] };
  const noField = (word: string) => describeFailure(unknownField(word, answer.fields, command), { json });
  if (unknown !== undefined) {
    context.process.stderr.write(`${noField(unknown)}\n`);
    return EXIT.usage;
  }
  const app = buildApplication(buildRoot(chosen, loaded), {
    name: "portd",
    versionInfo: { currentVersion: VERSION },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true, distanceOptions: DISTANCE },
    documentation: { disableAnsiColor: context.process.stdout.getColorDepth() < 4 },
    localization: {
      text: {
        ...text_en,
        noCommandRegisteredForInput: ({ input, corrections }) => {
          const isNear = corrections.length > 0 || input.length >= LEAST_CORRECTED;
          const near = isNear ? closest(input, COMMANDS) : undefined;
          return fit(describeUnknown({ input, corrections: near ? [`\`${near}\``] : corrections }, { json }));
        },
        exceptionWhileParsingArguments(error, ansiColor) {
          if (error instanceof UnexpectedPositionalError && error.input === behind) return noField(behind);
          return error instanceof ArgumentScannerError
            ? fit(describeFault(error, { command, json }))
            : text_en.exceptionWhileParsingArguments.call(this, error, ansiColor);
        },
      },
    },
  });
  const isHelp = inputs.length <= (isGroup ? 1 : 0) || inputs.includes("--help") || inputs.includes("-h");
  const used = isHelp
    ? withReflow(context)
    : fields === undefined
    ? context
    : choosing(context, { fields, answer, name: command });
  await run(app, withEmptyValues(words), used);
  const code = used.process.exitCode ?? EXIT.ok;
  // stricli's own codes are negative: -4 and -5 are faults of the command line, the others are faults of portd.
  return code >= 0 ? code : code === -4 || code === -5 ? EXIT.usage : EXIT.failure;
}

/** The application of one command, for what it proposes to complete. @param word is the command's name. */
export function applicationOf(word: string, loaded: AnyCommand): Application<CliContext> {
  return buildApplication(buildRoot(word as CommandName, loaded), {
    name: "portd",
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: { caseStyle: "convert-camel-to-kebab" },
  });
}

/** The same words; `--port=` is the flag with an empty value: for stricli it would be no flag but an argument. */
function withEmptyValues(inputs: readonly string[]): readonly string[] {
  const dashes = inputs.indexOf("--"), end = dashes === -1 ? inputs.length : dashes;
  return inputs.flatMap((word, i) => i < end && /^--[^=]+=$/.test(word) ? [word.slice(0, -1), ""] : [word]);
}

/** The same context; what is printed on a terminal fits it. */
function withReflow(context: CliContext): CliContext {
  const { process } = context, { stdout } = process;
  const write = (text: string) => stdout.write(reflow(text, widthOf(stdout)));
  return stdout.isTerminal ? { ...context, process: { ...process, stdout: { ...stdout, write } } } : context;
}

/** The same context; of an answer these fields are printed. */
function choosing(context: CliContext, choice: Choice): CliContext {
  const { process } = context;
  const stdout = { ...process.stdout, choose: (value: unknown) => choose(value, choice) };
  return { ...context, process: { ...process, stdout } };
}

/** Only the command that runs is loaded. Of the others stricli has the names, to correct misspelt ones. */
function buildRoot(chosen: CommandName | undefined, loaded: AnyCommand): RouteMap<CliContext> {
  // No prototype: stricli looks up words of the command line in this object, and "constructor" is no command.
  const routes: Record<string, AnyCommand> = Object.create(null);
  const func = () => new Error("Cannot run a command that is not loaded");
  const notLoaded = buildCommand<Record<never, never>, [], CliContext>({ func, parameters: {}, docs: { brief: "" } });
  for (const name of COMMANDS) routes[name] = name === chosen ? loaded : notLoaded;
  const root = buildRouteMap<string, CliContext>({ routes, docs: { brief: "" } });
  return { ...root, formatHelp: ({ ansiColor }) => rootHelp(BRIEFS, { getColorDepth: () => ansiColor ? 4 : 1 }) };
}
