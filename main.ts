/**
 * portd, the port authority of a machine: the command line, which is also the daemon. This file joins the two halves,
 * src/ and routes/; the commands are in src/cli/.
 */
import { runCli } from "./src/cli/cli.ts";
import { type RunDaemon, systemContext } from "./src/cli/context.ts";

/**
 * The daemon with its HTTP layer. Deno reads the whole graph of an `import("…")` before the first line runs, needed or
 * not (3 ms for the daemon); of one that chooses it reads only what is chosen, and a bundler still finds both.
 */
async function loadDaemon(): Promise<RunDaemon> {
  const load = (part: "daemon" | "routes") => import(part === "daemon" ? "./src/daemon.ts" : "./routes/app.ts");
  const { runDaemon }: typeof import("./src/daemon.ts") = await load("daemon");
  const { createApp }: typeof import("./routes/app.ts") = await load("routes");
  return (config, options) => runDaemon(config, { ...options, createApp });
}

if (import.meta.main) {
  const context = systemContext({ args: Deno.args, mainUrl: import.meta.url, loadDaemon });
  Deno.exit(await runCli(Deno.args, context));
}
