/**
 * Running a command line. `portd lease NAME` and `portd release NAME`, which scripts call again and again, skip the
 * parser in app.ts: there is nothing to parse, and loading it takes a third of their time. So the work of these two
 * is in lease.ts and release.ts, apart from their flags and help.
 */
import type { AnyCommand } from "./app.ts";
import type { CliContext } from "./context.ts";
import { EXIT, guard } from "./exit.ts";
import { lease } from "./lease.ts";

/**
 * The file of each command; where there is no such command, that of `version` is loaded and not run. As main.ts says,
 * Deno would load the whole graph of an `import("…")` before the first line runs. It does not see a path behind
 * `as string`, and a bundler does.
 */
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly default: AnyCommand }>>> = {
  check: () => import("./commands/check.ts" as string),
  agent: () => import("./commands/agent.ts" as string),
  checker: () => import("./commands/checker.ts" as string),
  close: () => import("./commands/close.ts" as string),
  completions: () => import("./commands/completions.ts" as string),
  config: () => import("./commands/config.ts" as string),
  dashboard: () => import("./commands/dashboard.ts" as string),
  doctor: () => import("./commands/doctor.ts" as string),
  env: () => import("./commands/env.ts" as string),
  url: () => import("./commands/url.ts" as string),
  slots: () => import("./commands/slots.ts" as string),
  events: () => import("./commands/events.ts" as string),
  export: () => import("./commands/export.ts" as string),
  firewall: () => import("./commands/firewall.ts" as string),
  free: () => import("./commands/free.ts" as string),
  gateway: () => import("./commands/gateway.ts" as string),
  import: () => import("./commands/import.ts" as string),
  inspect: () => import("./commands/inspect.ts" as string),
  lease: () => import("./commands/lease.ts" as string),
  ls: () => import("./commands/ls.ts" as string),
  mcp: () => import("./commands/mcp.ts" as string),
  net: () => import("./commands/net.ts" as string),
  line: () => import("./commands/line.ts" as string),
  open: () => import("./commands/open.ts" as string),
  openapi: () => import("./commands/openapi.ts" as string),
  ps: () => import("./commands/ps.ts" as string),
  release: () => import("./commands/release.ts" as string),
  renew: () => import("./commands/renew.ts" as string),
  run: () => import("./commands/run.ts" as string),
  serve: () => import("./commands/serve.ts" as string),
  service: () => import("./commands/service.ts" as string),
  status: () => import("./commands/status.ts" as string),
  stop: () => import("./commands/stop.ts" as string),
  version: () => import("./commands/version.ts" as string),
  wait: () => import("./commands/wait.ts" as string),
};

/** Other names of commands. */
const OTHER_NAMES: Readonly<Record<string, string>> = { list: "ls" };

/** Runs one command line. @param args are the words after the program's name. @returns the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const [command, name] = args;
  const isPlain = args.length === 2 && name !== "" && !name!.startsWith("-");
  if (command === "lease" && (isPlain || args.length === 1)) await guard(context, {}, () => lease(context, {}, name));
  else if (command === "release" && isPlain) {
    const { release }: typeof import("./release.ts") = await import("./release.ts" as string);
    await guard(context, {}, () => release(context, {}, name!));
  } else {
    const isAsked = command === "__complete"; // completion/scripts.ts: a shell asks
    const words = isAsked ? args.slice(1) : plainWords(args), [word = ""] = words;
    const app: Promise<typeof import("./app.ts")> = import("./app.ts" as string);
    const loadCommand = COMMANDS[Object.hasOwn(COMMANDS, word) ? word : "version"]!;
    const [{ runApp }, loaded] = await Promise.all([app, loadCommand()]);
    if (!isAsked) return await runApp(words, context, loaded.default);
    const { complete }: typeof import("./completion/complete.ts") = await import("./completion/complete.ts" as string);
    await complete(words, context, loaded.default);
  }
  return context.process.exitCode ?? EXIT.ok;
}

/** The same command line with a command's own name; `help COMMAND` and `--help COMMAND` are `COMMAND --help`. */
function plainWords(args: readonly string[]): readonly string[] {
  const [first = "", ...rest] = args;
  const asksFirst = (first === "--help" || first === "-h") && rest.length > 0;
  if (first === "help" || asksFirst) {
    return plainWords([...rest.filter((word) => word !== "--help" && word !== "-h"), "--help"]);
  }
  return Object.hasOwn(OTHER_NAMES, first) ? [OTHER_NAMES[first]!, ...rest] : args;
}
