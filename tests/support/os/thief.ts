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

/** What a {@linkcode Thief} takes. */
export interface Greed {
  readonly port: number;
  readonly leases: number;
  readonly connections: number;
}

/** Made by {@linkcode Thief.start}; disposing of it ends it with all its connections. */
export class Thief implements AsyncDisposable {
  /** How many leases it was granted. */
  readonly leased: number;
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess, lines: AsyncIterator<string>, leased: number) {
    this.#child = child;
    this.#lines = lines;
    this.#orders = child.stdin.getWriter();
    this.leased = leased;
  }

  /** Answers when it has its leases and its first connections; it goes on after that. */
  static async start({ port, leases, connections }: Greed): Promise<Thief> {
    const script = new URL("thief.py", import.meta.url).pathname;
    const child = new Deno.Command("python3", {
      args: ["-c", await Deno.readTextFile(script), `${port}`, `${leases}`, `${connections}`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
    const { leased } = await parsedLine(lines);
    return new Thief(child, lines, Number(leased));
  }

  /** What it has got so far. */
  async report(): Promise<Loot> {
    await this.#orders.write(new TextEncoder().encode("report\n"));
    return await parsedLine(this.#lines) as unknown as Loot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#orders.close();
    await this.#child.status;
    await this.#lines.return?.();
  }
}

async function parsedLine(lines: AsyncIterator<string>): Promise<Record<string, unknown>> {
  const { done, value } = await lines.next();
  if (done) throw new Error("Cannot read the thief's report: it has ended");
  return JSON.parse(value);
}
