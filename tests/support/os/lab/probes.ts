/** Questions of one host to services elsewhere. One program asks them all, as starting one takes long on a busy machine. */
import type { Protocol } from "../../../../src/port/port.ts";
import { killChild } from "../../processes.ts";
import { linesOf } from "../lines.ts";
import type { NetworkNamespace } from "../netns.ts";

const PROGRAM = new URL("./probe.py", import.meta.url).pathname;

/** How long a service has to answer. Who refuses does it at once; only what is dropped takes so long. */
const WAIT_S = 3;
/** No own port is used twice: a firewall would take the second packet for one of the connection that it knows. */
const FIRST_SOURCE = 10_000;
const LAST_SOURCE = 65_000;

interface Probe {
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** Starts with the first question; disposing of it ends it. */
export class Probes implements AsyncDisposable {
  readonly #namespace: NetworkNamespace;
  readonly #waiting = new Map<number, PromiseWithResolvers<string | null>>();
  #child: Deno.ChildProcess | undefined;
  #questions: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #reading: Promise<void> = Promise.resolve();
  #source = FIRST_SOURCE;

  constructor(namespace: NetworkNamespace) {
    this.#namespace = namespace;
  }

  /** @returns the answer; null where none came. */
  async ask(probe: Probe): Promise<string | null> {
    const source = this.#source++;
    if (source > LAST_SOURCE) throw new Error("Cannot ask more: every port was used once");
    const answer = Promise.withResolvers<string | null>();
    this.#waiting.set(source, answer);
    this.#start();
    const line = JSON.stringify({ id: source, ...probe, source, waitS: WAIT_S });
    await this.#questions?.write(new TextEncoder().encode(`${line}\n`));
    return await answer.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child === undefined) return;
    await this.#questions?.close();
    await this.#reading;
    await killChild(this.#child);
  }

  #start(): void {
    if (this.#child !== undefined) return;
    this.#child = this.#namespace.spawn("python3", PROGRAM);
    this.#questions = this.#child.stdin.getWriter();
    this.#reading = this.#read(this.#child.stdout);
  }

  async #read(stdout: ReadableStream<Uint8Array>): Promise<void> {
    for await (const line of linesOf(stdout)) {
      const { id, answer } = JSON.parse(line) as { readonly id: number; readonly answer: string | null };
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
    }
    for (const { reject } of this.#waiting.values()) reject(new Error("The program of the probes has ended"));
  }
}
