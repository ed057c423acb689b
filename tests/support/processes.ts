/** Real processes for tests; their session sets them apart from the test's own. */
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
