/** A user of this machine who tries to get the daemon's address and what is sent to it: thief.py. */
import { linesOf } from "./lines.ts";

/** What the thief has got. */
export interface Loot {
  /** How often it has tried to bind. */
  readonly tries: number;
  /** The addresses that it got, with the socket options. */
  readonly bound: readonly string[];
  /** What was sent to it there. */
  readonly received: readonly string[];
}

/** Disposing of it ends it with all its connections. */
export interface Thief extends AsyncDisposable {
  /** How many leases it was granted. */
  readonly leased: number;
  /** What it has got so far. */
  report(): Promise<Loot>;
}

/** Answers when it has so many leases and its first connections; it goes on after that. */
export async function startThief(port: number, take: { leases: number; connections: number }): Promise<Thief> {
  const script = await Deno.readTextFile(new URL("thief.py", import.meta.url));
  const args = ["-c", script, `${port}`, `${take.leases}`, `${take.connections}`];
  const child = new Deno.Command("python3", { args, stdin: "piped", stdout: "piped" }).spawn();
  const lines = linesOf(child.stdout), orders = child.stdin.getWriter();
  const nextLine = async () => {
    const { done, value } = await lines.next();
    if (done) throw new Error("Cannot read the thief's report: it has ended");
    return JSON.parse(value);
  };
  const { leased } = await nextLine();
  return {
    leased: Number(leased),
    async report() {
      await orders.write(new TextEncoder().encode("report\n"));
      return await nextLine();
    },
    async [Symbol.asyncDispose]() {
      await orders.close();
      await child.status;
      await lines.return();
    },
  };
}
