/** Real processes for tests, told apart from the test's own by their session. */

/** A server in a session of its own, so that it belongs to nobody here. */
export async function startStranger(port: number): Promise<{ readonly pid: number } & AsyncDisposable> {
  const script = `Deno.listen({ hostname: "127.0.0.1", port: ${port} }); console.log("listening");
await Deno.stdin.readable.pipeTo(new WritableStream()); Deno.exit()`;
  const command = new Deno.Command("setsid", {
    args: [Deno.execPath(), "eval", script],
    stdin: "piped",
    stdout: "piped",
  });
  const child = command.spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
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
