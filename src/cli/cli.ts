/**
 * Running a command line. `portd lease NAME` and `portd release NAME`, as scripts call them over and over, go straight
 * to their work: the parser in app.ts costs a third of their time and has nothing to parse there.
 */
import type { Target } from "./app.ts";
import type { CliContext } from "./context.ts";
import { EXIT, guard } from "./exit.ts";
import { lease } from "./lease.ts";

/**
 * Runs one command line.
 *
 * @param args are the words behind the program's name.
 * @returns the exit code.
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const [command, name] = args;
  const isPlain = args.length === 2 && name !== "" && !name!.startsWith("-");
  if (command === "lease" && (isPlain || args.length === 1)) await guard(context, {}, () => lease(context, {}, name));
  else if (command === "release" && isPlain) {
    const { release }: typeof import("./release.ts") = await load("release");
    await guard(context, {}, () => release(context, {}, name!));
  } else {
    const app: Promise<typeof import("./app.ts")> = load("app");
    const [{ runApp }, loaded] = await Promise.all([app, loadCommand(command)]);
    return await runApp(args, context, loaded.default);
  }
  return context.process.exitCode ?? EXIT.ok;
}

/** See main.ts for why the import chooses. */
function load(part: "app" | "release") {
  return import(part === "release" ? "./release.ts" : "./app.ts");
}

/** The file of a command; any file when there is no such command, as then none is run. */
function loadCommand(name: string | undefined): Promise<{ readonly default: Target }> {
  return import(
    name === "lease"
      ? "./commands/lease.ts"
      : name === "run"
      ? "./commands/run.ts"
      : name === "ls"
      ? "./commands/ls.ts"
      : name === "ps"
      ? "./commands/ps.ts"
      : name === "inspect"
      ? "./commands/inspect.ts"
      : name === "release"
      ? "./commands/release.ts"
      : name === "free"
      ? "./commands/free.ts"
      : name === "renew"
      ? "./commands/renew.ts"
      : name === "wait"
      ? "./commands/wait.ts"
      : name === "open"
      ? "./commands/open.ts"
      : name === "close"
      ? "./commands/close.ts"
      : name === "firewall"
      ? "./commands/firewall.ts"
      : name === "env"
      ? "./commands/env.ts"
      : name === "serve"
      ? "./commands/serve.ts"
      : name === "stop"
      ? "./commands/stop.ts"
      : name === "status"
      ? "./commands/status.ts"
      : name === "service"
      ? "./commands/service.ts"
      : name === "doctor"
      ? "./commands/doctor.ts"
      : name === "events"
      ? "./commands/events.ts"
      : name === "export"
      ? "./commands/export.ts"
      : name === "import"
      ? "./commands/import.ts"
      : name === "config"
      ? "./commands/config.ts"
      : "./commands/version.ts"
  );
}
