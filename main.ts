/**
 * portd, the port authority of a machine: the command line, which also runs the daemon. This file connects src/ and
 * routes/. The commands are in src/cli/.
 */
import { runCli } from "./src/cli/cli.ts";
import { type RunChecker, type RunDaemon, systemContext } from "./src/cli/context.ts";
import { describeFailure, exitCodeOf } from "./src/cli/exit.ts";
import type { Config } from "./src/config.ts";
import type { FirewallBackend } from "./src/firewall/backend.ts";
import type { ServiceControl, ServiceOptions } from "./src/service/service.ts";

/**
 * The daemon with its HTTP layer. Deno loads the whole graph of an `import("…")` before the first line runs, also where
 * it is not needed: 3 ms for the daemon. Of an import that chooses between paths, Deno loads only the chosen one, when
 * it is chosen; a bundler still finds all of them.
 */
async function loadDaemon(): Promise<RunDaemon> {
  const { runDaemon }: typeof import("./src/daemon/daemon.ts") = await load("daemon");
  const { createApp }: typeof import("./routes/app.ts") = await load("routes");
  return (config, options) => runDaemon(config, { ...options, createApp });
}

/** The checker with its HTTP layer; only `portd checker` needs it. */
async function loadChecker(): Promise<RunChecker> {
  const { serveChecker }: typeof import("./src/checker/serve.ts") = await load("checker");
  const { createCheckerApp }: typeof import("./routes/checker.ts") = await load("checker routes");
  return (options) => serveChecker({ ...options, createApp: createCheckerApp });
}

/** The document of the HTTP API; only `portd openapi` needs it here. */
async function loadOpenApi(): Promise<object> {
  const { openApiDocument }: typeof import("./routes/openapi.ts") = await load("openapi");
  return await openApiDocument();
}

/** The service control of this system; only `portd service` needs it. */
async function openService(options: ServiceOptions): Promise<ServiceControl> {
  const { openServiceControl }: typeof import("./src/service/open.ts") = await load("service");
  return openServiceControl(options);
}

/** The firewall of the host; only `portd service uninstall` needs it. */
async function openFirewall(config: Config): Promise<FirewallBackend> {
  const { openFirewall }: typeof import("./src/firewall/open.ts") = await load("firewall");
  return await openFirewall({ stateDir: config.stateDir, backend: config.firewall.backend });
}

type Part = "daemon" | "routes" | "service" | "checker" | "checker routes" | "openapi" | "firewall";

function load(part: Part) {
  return import(
    part === "daemon"
      ? "./src/daemon/daemon.ts"
      : part === "routes"
      ? "./routes/app.ts"
      : part === "service"
      ? "./src/service/open.ts"
      : part === "checker"
      ? "./src/checker/serve.ts"
      : part === "checker routes"
      ? "./routes/checker.ts"
      : part === "openapi"
      ? "./routes/openapi.ts"
      : "./src/firewall/open.ts"
  );
}

/** Runs the command line. A failure outside of a command, such as a missing current folder, is one sentence too. */
async function main(): Promise<number> {
  try {
    const loaders = { loadDaemon, loadChecker, loadOpenApi, openService, openFirewall };
    const context = systemContext({ args: Deno.args, mainUrl: import.meta.url, runCommand: runCli, ...loaders });
    return await runCli(Deno.args, context);
  } catch (error) {
    await Deno.stderr.write(new TextEncoder().encode(`${describeFailure(error, { json: false })}\n`));
    return exitCodeOf(error);
  }
}

if (import.meta.main) Deno.exit(await main());
