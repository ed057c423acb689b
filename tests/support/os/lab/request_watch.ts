/** The requests for mappings that a lab's router gets: packets, as the cable of the LAN carries them. */
import type { Protocol } from "../../../../src/port/port.ts";
import type { NetworkNamespace } from "../netns.ts";
import { LabProgram } from "./program.ts";

const PROGRAM = new URL("./watch.py", import.meta.url).pathname;

/** A request to make, to renew or to delete a mapping. */
export interface SeenRequest {
  readonly kind: "pcp" | "nat-pmp";
  /** PCP's, 24 hexadecimal digits; null of NAT-PMP. */
  readonly nonce: string | null;
  readonly protocol: Protocol;
  readonly internalPort: number;
  readonly externalPort: number;
  /** 0 deletes. */
  readonly lifetimeS: number;
}

/** Made by {@linkcode RequestWatch.start}; disposing of it ends it. */
export class RequestWatch implements AsyncDisposable {
  readonly #program: LabProgram;

  private constructor(program: LabProgram) {
    this.#program = program;
  }

  static async start(router: NetworkNamespace): Promise<RequestWatch> {
    const program = LabProgram.start(router, ["python3", PROGRAM]);
    await program.said((line) => line === "ready");
    return new RequestWatch(program);
  }

  /** The last requests, some hundreds, the oldest first. */
  get requests(): readonly SeenRequest[] {
    return this.#program.output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }

  /** The nonces of the requests of a protocol, each once. */
  noncesOf(protocol: Protocol): readonly (string | null)[] {
    return [...new Set(this.requests.filter((request) => request.protocol === protocol).map(({ nonce }) => nonce))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
