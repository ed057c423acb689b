/**
 * Running a command line. `portd lease NAME` and `portd release NAME`, as scripts call them over and over, go straight
 * to their work: the parser in app.ts costs a third of their time and has nothing to parse there.
 */
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
    const { runApp }: typeof import("./app.ts") = await load("app");
    return await runApp(args, context);
  }
  return context.process.exitCode ?? EXIT.ok;
}

/** See main.ts for why the import chooses. */
function load(part: "app" | "release") {
  return import(part === "release" ? "./release.ts" : "./app.ts");
}
