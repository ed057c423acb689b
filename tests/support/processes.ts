/** Real processes for tests, told apart from the test's own by their session. */
import { linesOf } from "./os/lines.ts";

/** Where a server runs and listens. */
export interface ServerPlace {
  /** @default this folder */
  readonly cwd?: string;
  /** @default "127.0.0.1" */
  readonly hostname?: string;
}

/** A server in a session of its own, so that it belongs to nobody here. */
export async function startStranger(
  port: number,
  { cwd = Deno.cwd(), hostname = "127.0.0.1" }: ServerPlace = {},
): Promise<{ readonly pid: number } & AsyncDisposable> {
  const script = `Deno.listen({ hostname: "${hostname}", port: ${port} }); console.log("listening");
await Deno.stdin.readable.pipeTo(new WritableStream()); Deno.exit()`;
  const command = new Deno.Command("setsid", {
    args: [Deno.execPath(), "eval", script],
    stdin: "piped",
    stdout: "piped",
    cwd,
  });
  const child = command.spawn();
  const lines = linesOf(child.stdout);
  await lines.next();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await lines.return();
      await child.status;
    },
  };
}

/** A process in a session of its own, to hold a lease. */
export function startHolder(): { readonly pid: number } & AsyncDisposable {
  const script = "await Deno.stdin.readable.pipeTo(new WritableStream())";
  const child = new Deno.Command("setsid", { args: [Deno.execPath(), "eval", script], stdin: "piped" }).spawn();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
    },
  };
}

/** Starts its server again whenever that ends, as watchers of source files do; each server prints its pid. */
const RELOADER = `
import os, socket, sys
while True:
    child = os.fork()
    if child == 0:
        server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        print(os.getpid(), flush=True)
        sys.stdin.read()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0: break
`;

/** Runs the reloader behind a shell that does not become it. */
const WRAPPER = `
import subprocess, sys
sys.exit(subprocess.call(["sh", "-c", 'python3 -c "$0" "$1"; exit $?', *sys.argv[1:]]))
`;

/** A command that starts a server behind a shell, as `portd run` does with `npm run dev`. */
export interface Wrapper extends AsyncDisposable {
  readonly pid: number;
  /** The pid of the next server that begins to listen. */
  nextServer(): Promise<number>;
  /** Ends the wrapper alone, by KILL. */
  kill(): Promise<void>;
  /** Ends the server, and what starts it; again, it does nothing. */
  endServer(): Promise<void>;
}

/** Starts one, in a session of its own; its server starts again when it is killed. */
export function startWrapper(port: number): Wrapper {
  const args = ["python3", "-c", WRAPPER, RELOADER, String(port)];
  const child = new Deno.Command("setsid", { args, stdin: "piped", stdout: "piped" }).spawn();
  const lines = linesOf(child.stdout);
  let hasEnded = false;
  return {
    pid: child.pid,
    async nextServer() {
      const { value } = await lines.next();
      return Number(value);
    },
    async kill() {
      child.kill("SIGKILL");
      await child.status;
    },
    async endServer() {
      if (hasEnded) return;
      hasEnded = true;
      await child.stdin.close();
      while (!(await lines.next()).done); // its output ends with the last process that has it open
    },
    async [Symbol.asyncDispose]() {
      await this.endServer();
      await child.status;
    },
  };
}
