/**
 * One client of kill9.ts: grants, renews and releases at full speed until the daemon dies, then prints what was
 * acknowledged and waits on stdin for `settle` (finish the open calls) and `go`.
 *
 * Arguments: base URL of the API, file for the log of acknowledged changes.
 */
import { linesOf } from "../../support/os/lines.ts";

/** A lease that was acknowledged. */
export interface Held {
  readonly id: string;
  readonly port: number;
  readonly protocols: readonly string[];
}

/** What a client prints when the daemon has died, and again when it has settled. */
export interface ClientReport {
  /** Leases that were acknowledged and for which no release was sent. */
  readonly held: readonly Held[];
  /** Leases for which a release was sent and not acknowledged. */
  readonly uncertain: readonly Held[];
  /** How many grants were sent and not acknowledged. */
  readonly unanswered: number;
  /** Acknowledged calls so far. */
  readonly calls: number;
  /** An answer that no client may get, or null. */
  readonly fault: string | null;
}

type Call =
  | { readonly kind: "grant"; readonly key: string | null; readonly protocols: readonly string[] }
  | { readonly kind: "renew"; readonly lease: Held }
  | { readonly kind: "release"; readonly lease: Held };

const LANES = 4, FEWEST = 10, MOST = 30;
const ANSWERS = { grant: [201], renew: [200], release: [204] } as const;

/** The daemon died before it answered. */
class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

class Client {
  readonly #url: string;
  readonly #log: Deno.FsFile;
  readonly #idle = new Map<string, Held>();
  readonly #underway = new Set<Call>();
  #calls = 0;
  #fault: string | null = null;

  constructor(url: string, log: Deno.FsFile) {
    this.#url = url;
    this.#log = log;
  }

  /** Works until the daemon dies. */
  async work(): Promise<ClientReport> {
    await Promise.all(Array.from({ length: LANES }, async () => {
      while (await this.#do(this.#choose()));
    }));
    return this.#report();
  }

  /** Repeats the calls without an answer, except for grants without a key, which cannot be repeated. */
  async settle(): Promise<ClientReport> {
    for (const call of [...this.#underway]) {
      this.#underway.delete(call);
      if (call.kind === "grant" && call.key === null) continue;
      if (!await this.#do(call)) this.#fault ??= `the daemon died while ${call.kind} was repeated`;
    }
    return this.#report();
  }

  #report(): ClientReport {
    const calls = [...this.#underway];
    const renewing = calls.flatMap((call) => call.kind === "renew" ? [call.lease] : []);
    return {
      held: [...this.#idle.values(), ...renewing],
      uncertain: calls.flatMap((call) => call.kind === "release" ? [call.lease] : []),
      unanswered: calls.filter((call) => call.kind === "grant").length,
      calls: this.#calls,
      fault: this.#fault,
    };
  }

  #choose(): Call {
    const dice = Math.random();
    const lease = [...this.#idle.values()][Math.floor(Math.random() * this.#idle.size)];
    if (lease === undefined || this.#idle.size < FEWEST || (dice < 0.4 && this.#idle.size < MOST)) {
      const protocols = dice < 0.04 ? ["udp"] : dice < 0.08 ? ["tcp", "udp"] : ["tcp"];
      return { kind: "grant", key: Math.random() < 0.1 ? crypto.randomUUID() : null, protocols };
    }
    this.#idle.delete(lease.id);
    return { kind: dice < 0.6 ? "renew" : "release", lease };
  }

  /** @returns whether there was an answer; without one the call stays open. */
  async #do(call: Call): Promise<boolean> {
    this.#underway.add(call);
    if (call.kind === "release") this.#write(`- ${Date.now()} ${call.lease.id}`);
    try {
      const answer = await this.#send(call);
      this.#underway.delete(call);
      this.#calls++;
      this.#accept(call, answer.status, answer.body);
      return this.#fault === null;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return false;
    }
  }

  #accept(call: Call, status: number, body: string): void {
    if (!(ANSWERS[call.kind] as readonly number[]).includes(status)) {
      this.#fault ??= `${call.kind} was answered with ${status} ${body}`;
    } else if (call.kind === "grant") {
      const { id, port, protocols } = JSON.parse(body) as Held;
      this.#write(`+ ${Date.now()} ${id} ${port} ${protocols.join(",")}`);
      this.#idle.set(id, { id, port, protocols });
    } else if (call.kind === "renew") {
      this.#idle.set(call.lease.id, call.lease);
    }
  }

  async #send(call: Call): Promise<{ readonly status: number; readonly body: string }> {
    const json = { "content-type": "application/json" };
    const request = call.kind === "grant"
      ? new Request(`${this.#url}/leases`, {
        method: "POST",
        headers: call.key === null ? json : { ...json, "idempotency-key": call.key },
        body: JSON.stringify({ lifetime: { kind: "pinned" }, protocols: call.protocols }),
      })
      : call.kind === "renew"
      ? new Request(`${this.#url}/leases/${call.lease.id}/renew`, { method: "POST", headers: json, body: "{}" })
      : new Request(`${this.#url}/leases/${call.lease.id}`, { method: "DELETE", headers: json });
    try {
      const response = await fetch(request);
      return { status: response.status, body: await response.text() };
    } catch (error) {
      // fetch() and text() throw a TypeError when the connection is refused or breaks.
      if (error instanceof TypeError) throw new NoAnswer("the connection broke", { cause: error });
      throw error;
    }
  }

  #write(line: string): void {
    this.#log.writeSync(new TextEncoder().encode(`${line}\n`));
  }
}

if (import.meta.main) {
  const [url, logFile] = Deno.args;
  if (url === undefined || logFile === undefined) throw new TypeError("Cannot start without an URL and a log file");
  using log = await Deno.open(logFile, { write: true, create: true, append: true });
  const client = new Client(url, log);
  for await (const order of linesOf(Deno.stdin.readable)) {
    console.log(JSON.stringify(order === "go" ? await client.work() : await client.settle()));
  }
}
