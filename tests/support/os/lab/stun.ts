/** coturn as a STUN server (RFC 8489). */
import { pause } from "../../../../src/wait.ts";
import { temporaryFolder } from "../../folder.ts";
import type { NetworkNamespace } from "../netns.ts";
import { LabProgram } from "./program.ts";

const AGAIN_MS = 300;
const PATIENCE_MS = 60_000;

/** Starts it on these addresses, port 3478, and returns when it listens. Disposing ends it. */
export async function startStunServer(
  namespace: NetworkNamespace,
  addresses: readonly string[],
): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const { path } = parts.use(await temporaryFolder());
  const program = parts.use(
    LabProgram.start(namespace, [
      ...["turnserver", "-n", "--stun-only", "-p", "3478", "-m", "1", "--log-file", "stdout"],
      ...addresses.flatMap((address) => ["-L", address]),
      ...["--no-tls", "--no-dtls", "--no-tcp", "--no-cli", "--no-auth", "--no-software-attribute"],
      // Else it would write to the system's places.
      ...["--pidfile", `${path}/pid`, "--userdb", `${path}/users`],
    ]),
  );
  await untilBound(namespace, program, addresses);
  return parts.move();
}

/** Waits until it has its sockets: what is sent from then on waits for it. */
async function untilBound(
  namespace: NetworkNamespace,
  program: LabProgram,
  addresses: readonly string[],
): Promise<void> {
  const limit = AbortSignal.timeout(PATIENCE_MS);
  while (true) {
    const bound = await namespace.run("ss", "--no-header", "--listening", "--udp", "--numeric", "sport = :3478");
    if (addresses.every((address) => bound.includes(address))) return;
    if (limit.aborted) throw new Error(`Cannot start the STUN server: ${program.output}`);
    await pause(AGAIN_MS);
  }
}
