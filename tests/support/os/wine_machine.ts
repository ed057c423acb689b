/** A Windows under Wine with an administrator who manages portd's service. */
import assert from "node:assert/strict";
import type { ServiceStatus } from "../../../src/service/service.ts";
import { temporaryFolder } from "../folder.ts";
import { freePort } from "../sockets.ts";
import type { Outcome } from "./installation.ts";
import { linesOf } from "./lines.ts";
import { FLAGS, portdWords, Wine } from "./wine.ts";
import type { Orders, Witness } from "./wine_administrator.ts";

/** The state folder of the service. */
export const STATE_DIR = "C:\\ProgramData\\portd";

/** The answer of `portd service status --json`. */
export type Status = ServiceStatus & { readonly api: { readonly isReady: boolean } | null };

/** A Windows with an administrator who manages the service. */
export class Machine implements AsyncDisposable {
  readonly wine: Wine;
  readonly listen = `127.0.0.1:${freePort()}`;
  readonly #administrator: Deno.ChildProcess;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #results: AsyncGenerator<string, void, void>;

  private constructor(wine: Wine) {
    this.wine = wine;
    const program = wine.path("tests/support/os/wine_administrator.ts");
    this.#administrator = wine.spawn(["run", ...FLAGS, program], { stdin: "piped" });
    this.#orders = this.#administrator.stdin.getWriter();
    this.#results = linesOf(this.#administrator.stdout);
  }

  static async start(): Promise<Machine> {
    const wine = await Wine.start();
    // Under Wine a service does not get the variables of its `Environment`; it reads the registry of packages here.
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(`${folder.path}/.npmrc`, `registry=${wine.env.NPM_CONFIG_REGISTRY}\n`);
    await wine.lay(`${folder.path}/.npmrc`);
    await wine.compile();
    return new Machine(wine);
  }

  /** Gives the administrator an order. @returns the result. */
  async order<N extends keyof Orders>(name: N, argument: Parameters<Orders[N]>[0]): Promise<ReturnType<Orders[N]>> {
    await this.#orders.write(new TextEncoder().encode(`${JSON.stringify({ name, argument })}\n`));
    const { value, done } = await this.#results.next();
    if (done) throw new Error(`Cannot go on: ${await new Response(this.#administrator.stderr).text()}`);
    return JSON.parse(value);
  }

  /** Runs `portd service ARGS` as the administrator. @returns what it wrote to stdout. */
  async service(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#runService(...args);
    assert.equal(code, 0, `portd service ${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Runs `portd service ARGS`, which must fail. @returns what it wrote to stderr. */
  async failing(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#runService(...args);
    assert.notEqual(code, 0, stdout);
    return stderr;
  }

  /** The answer of `portd service status`. */
  async status(): Promise<Status> {
    const { code, stdout, stderr } = await this.#runService("status", "--json");
    const status: Status = JSON.parse(stdout || assert.fail(stderr));
    assert.equal(code, status.state === "running" && status.api?.isReady ? 0 : 1, stdout);
    return status;
  }

  async look(): Promise<Witness> {
    return await this.order("look", STATE_DIR);
  }

  /** Asks the service's API. */
  async ask(path: string, body?: unknown): Promise<Record<string, unknown>> {
    const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`http://${this.listen}/v1${path}`, body === undefined ? {} : post);
    const answer = await response.json();
    assert.ok(response.ok, `${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#orders.close();
    await this.#results.return();
    await this.#administrator.stderr.cancel();
    await this.wine[Symbol.asyncDispose]();
    await this.#administrator.status;
  }

  async #runService(...args: readonly string[]): Promise<Outcome> {
    return await this.order("deno", [...await portdWords(), "service", ...args]);
  }
}
