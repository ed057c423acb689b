/**
 * portd, the port authority of a machine: the command line, which is also the daemon. This file joins the two halves,
 * src/ and routes/; the commands are in src/cli/.
 */
import { runCli } from "./src/cli/cli.ts";
import { type RunDaemon, systemContext } from "./src/cli/context.ts";
import { describeFailure, exitCodeOf } from "./src/cli/exit.ts";
import type { Config } from "./src/config.ts";
import type { FirewallBackend } from "./src/firewall/backend.ts";
import type { ServiceOptions } from "./src/service/open.ts";
import type { ServiceControl } from "./src/service/service.ts";

/**
 * The daemon with its HTTP layer. Deno reads the whole graph of an `import("…")` before the first line runs, needed or
 * not (3 ms for the daemon); of one that chooses it reads only what is chosen, and a bundler still finds both.
 */
async function loadDaemon(): Promise<RunDaemon> {
  const { runDaemon }: typeof import("./src/daemon/daemon.ts") = await load("daemon");
  const { createApp }: typeof import("./routes/app.ts") = await load("routes");
  return (config, options) => runDaemon(config, { ...options, createApp });
}

/** The service control of this system; only `portd service` asks for it. */
async function openService(options: ServiceOptions): Promise<ServiceControl> {
  const { openServiceControl }: typeof import("./src/service/open.ts") = await load("service");
  return openServiceControl(options);
}

/** The firewall of the host; only `portd service uninstall` asks for it. */
async function openFirewall(config: Config): Promise<FirewallBackend> {
  const { openFirewall }: typeof import("./src/firewall/open.ts") = await load("firewall");
  return await openFirewall({ stateDir: config.stateDir, backend: config.firewall.backend });
}

function load(part: "daemon" | "routes" | "service" | "firewall") {
  return import(
    part === "daemon"
      ? "./src/daemon/daemon.ts"
      : part === "routes"
      ? "./routes/app.ts"
      : part === "service"
      ? "./src/service/open.ts"
      : "./src/firewall/open.ts"
  );
}

/** Runs the command line. What fails outside of a command (no current folder, say) is one sentence too. */
async function main(): Promise<number> {
  try {
    const context = systemContext({ args: Deno.args, mainUrl: import.meta.url, loadDaemon, openService, openFirewall });
    return await runCli(Deno.args, context);
  } catch (error) {
    await Deno.stderr.write(new TextEncoder().encode(`${describeFailure(error, { json: false })}\n`));
    return exitCodeOf(error);
  }
}

if (import.meta.main) Deno.exit(await main());
