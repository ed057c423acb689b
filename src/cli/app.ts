/** The command line parsed: which commands there are, and running one. Each is a file of commands/. */
import {
  ArgumentScannerError,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type Command,
  type RouteMap,
  run,
  text_en,
} from "@stricli/core";
import { VERSION } from "../version.ts";
import type { CliContext } from "./context.ts";
import { EXIT } from "./exit.ts";
import { rootHelp } from "./root_help.ts";
import { describeFault, describeUnknown } from "./usage_text.ts";

/** What a word of the command line leads to. */
export type Target = Command<CliContext> | RouteMap<CliContext>;

/** Every command with what it does in a line. */
const BRIEFS = {
  lease: "Lease a port and print it",
  run: "Run a command with leased ports, and release them when it ends",
  ls: "List leases",
  ps: "List what listens: sockets, their processes and leases",
  inspect: "Tell all about a port: free or not, whose, since when, what to do",
  release: "Give leases back",
  free: "End the holder's listener on a port, and give the lease back",
  renew: "Extend a lease",
  wait: "Wait until somebody listens on a leased port, or until it is free",
  open: "Let a leased port be reached from outside",
  close: "Take back what open did",
  firewall: "Look after the rules in the host's firewall",
  env: "Print the ports of the services in portd.yaml",
  serve: "Run the daemon",
  stop: "Stop the daemon",
  status: "Tell how the daemon does",
  service: "Install portd as a service of the system, start it, stop it",
  doctor: "Look for what is wrong, and tell what to do about it",
  events: "Follow what happens to leases",
  export: "Write all leases out as YAML or JSON",
  import: "Take in leases from an export",
  config: "Show or check the configuration",
  version: "Print the version",
} as const;

type CommandName = keyof typeof BRIEFS;

/** How far a word may be from a known one to be taken for it; stricli's own threshold of 7 finds "stop" in "foo". */
const DISTANCE = { threshold: 3, weights: { insertion: 1, deletion: 3, substitution: 2, transposition: 0 } } as const;

/**
 * Runs one command line.
 *
 * @param args are the words behind the program's name.
 * @param loaded is the command that the first of them names; anything when it names none.
 * @returns the exit code.
 */
export async function runApp(args: readonly string[], context: CliContext, loaded: Target): Promise<number> {
  const [word = ""] = args;
  const chosen = Object.hasOwn(BRIEFS, word) ? word as CommandName : undefined;
  const inputs = context.behindDashes === undefined ? args : args.slice(0, args.indexOf("--"));
  const json = inputs.includes("--json");
  const command = ["portd", ...args.slice(0, "getAllEntries" in loaded ? 2 : 1)].join(" ");
  const app = buildApplication(buildRoot(chosen, loaded), {
    name: "portd",
    versionInfo: { currentVersion: VERSION },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true, distanceOptions: DISTANCE },
    documentation: { disableAnsiColor: context.process.stdout.getColorDepth() < 4 },
    localization: {
      text: {
        ...text_en,
        noCommandRegisteredForInput: (given) => describeUnknown(given, { json }),
        exceptionWhileParsingArguments(error, ansiColor) {
          return error instanceof ArgumentScannerError
            ? describeFault(error, { command, json })
            : text_en.exceptionWhileParsingArguments.call(this, error, ansiColor);
        },
      },
    },
  });
  await run(app, inputs, context);
  const code = context.process.exitCode ?? EXIT.ok;
  // stricli's own codes are negative: -4 and -5 are faults of the command line, the others faults of portd.
  return code >= 0 ? code : code === -4 || code === -5 ? EXIT.usage : EXIT.failure;
}

/** Only the command that runs is loaded; the others are there by name, for help and for corrections. */
function buildRoot(chosen: CommandName | undefined, loaded: Target): RouteMap<CliContext> {
  // No prototype: stricli looks words of the command line up in it, and "constructor" is no command.
  const routes: Record<string, Target> = Object.create(null);
  for (const [name, brief] of Object.entries(BRIEFS)) {
    routes[name] = name === chosen ? loaded : namedOnly(brief);
  }
  const root = buildRouteMap<string, CliContext>({
    routes,
    docs: { brief: "The port authority of this machine" },
  });
  return { ...root, formatHelp: (args) => rootHelp(BRIEFS, args.ansiColor) };
}

function namedOnly(brief: string): Command<CliContext> {
  const func = () => new Error("Cannot run a command that is not loaded");
  return buildCommand<Record<never, never>, [], CliContext>({ func, parameters: {}, docs: { brief } });
}
