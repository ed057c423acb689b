/**
 * Running a command line. `portd lease NAME` and `portd release NAME`, which scripts call again and again, skip the
 * parser in app.ts: there is nothing to parse, and loading it takes a third of their time. So the work of these two
 * is in lease.ts and release.ts, apart from their flags and help in commands/.
 */
import type { AnyCommand } from "./app.ts";
import type { CliContext } from "./context.ts";
import { EXIT, guard } from "./exit.ts";
import { lease } from "./lease.ts";

/**
 * Runs one command line.
 *
 * @param args are the words after the program's name.
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

/** The file of a command; that of `version` where there is no such command, as none is run then. */
function loadCommand(name: string | undefined): Promise<{ readonly default: AnyCommand }> {
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
