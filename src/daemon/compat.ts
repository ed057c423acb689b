/** The protocols of other tools, as far as the configuration asks for them: each on an address of its own. */
import type { GrpcPortServerParts } from "../compat/grpc_port_server.ts";
import type { Config } from "../config.ts";
import { messageOf } from "../errors.ts";
import type { WriteLine } from "../log_line.ts";
import { splitAddress } from "../settings.ts";
import { serve, type Serving } from "./serve.ts";

/** What the protocols ask of the daemon. */
export interface CompatParts extends Omit<GrpcPortServerParts, "local" | "quit"> {
  readonly log: WriteLine;
  readonly stop: () => void;
}

/** The servers that could be opened. */
export interface CompatServers {
  /** Why one could not be opened, a sentence each. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

/** How long requests in hand may take at a stop. */
const SHUTDOWN_MS = 1000;

/** Opens what the configuration asks for. One that cannot be opened is a warning: the daemon serves all the same. */
export async function openCompat({ compat }: Config, parts: CompatParts): Promise<CompatServers> {
  const warnings: string[] = [];
  const closing: (() => Promise<void>)[] = [];
  const open = async (setting: string, address: string, start: () => Promise<() => Promise<void>>) => {
    if (address === "") return;
    try {
      closing.push(await start());
      parts.log(`${setting}: serves ${address}`);
    } catch (error) {
      warnings.push(`${setting}: ${messageOf(error)}`);
    }
  };
  await open("compat.portserver", compat.portserver, () => openPortserver(compat.portserver, parts));
  await open("compat.grpc", compat.grpc, () => openGrpc(compat, parts));
  return {
    warnings,
    async close() {
      await Promise.all(closing.map((close) => close()));
    },
  };
}

async function openPortserver(address: string, parts: CompatParts): Promise<() => Promise<void>> {
  const { Portserver }: typeof import("../compat/portserver.ts") = await load("portserver");
  const server = await Portserver.open(address, parts);
  return () => server.close();
}

async function openGrpc({ grpc, grpcQuit }: Config["compat"], parts: CompatParts): Promise<() => Promise<void>> {
  const { grpcPortServer }: typeof import("../compat/grpc_port_server.ts") = await load("grpc");
  const { host, port } = splitAddress(grpc)!;
  const hostname = host === "localhost" ? "127.0.0.1" : host;
  const local = () => ({ address: hostname, port: serving.port });
  const quit = grpcQuit === "stop" ? parts.stop : undefined;
  const serving: Serving = serve({
    hostname,
    port,
    handler: grpcPortServer({ ...parts, local, quit }),
    log: parts.log,
  });
  serving.finished.catch((error) => parts.log(`compat.grpc: ${messageOf(error)}`, "warning"));
  return () => serving.shutdown(SHUTDOWN_MS);
}

/** Most daemons speak neither; main.ts says why the import chooses. */
function load(part: "portserver" | "grpc"): Promise<never> {
  return import(part === "grpc" ? "../compat/grpc_port_server.ts" : "../compat/portserver.ts") as Promise<never>;
}
