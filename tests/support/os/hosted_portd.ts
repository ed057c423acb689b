/** portd on a host in namespaces, run as its user runs it. */
import assert from "node:assert/strict";
import { Installation } from "./installation.ts";
import type { NetworkNamespace } from "./netns.ts";

/** Made by {@linkcode HostedPortd.on}; disposing of it kills its daemon and removes its folders. */
export class HostedPortd implements AsyncDisposable {
  readonly #installation: Installation;
  readonly #namespace: NetworkNamespace;

  private constructor(installation: Installation, namespace: NetworkNamespace) {
    this.#installation = installation;
    this.#namespace = namespace;
  }

  /** Makes its folders; a command that needs the daemon starts it. @param env is for its commands and its daemon. */
  static async on(
    { namespace }: { readonly namespace: NetworkNamespace },
    env: Readonly<Record<string, string>> = {},
  ): Promise<HostedPortd> {
    const installation = await Installation.create({ env: { PORTD_LISTEN: "127.0.0.1:7678", ...env } });
    return new HostedPortd(installation, namespace);
  }

  /** Runs a command to its end, which must succeed. @returns its output. */
  async run(...args: readonly string[]): Promise<string> {
    const { code, said } = await this.outcome(...args);
    assert.equal(code, 0, `portd ${args.join(" ")}: ${said}`);
    return said;
  }

  /** Runs a command to its end. */
  async outcome(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
    const command = this.#installation.command(args, { before: this.#namespace.enter, stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    return { code, said: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("") };
  }

  /** Runs a program of the tests on the host, which calls the daemon. @returns its stdout. */
  async script(name: string, ...args: readonly string[]): Promise<string> {
    const path = new URL(`./${name}`, import.meta.url).pathname;
    const token = (await Deno.readTextFile(`${this.#installation.stateDir}/admin.token`)).trim();
    const { env } = this.#installation;
    const words = ["env", `DENO_DIR=${env.DENO_DIR}`, `PORTD_TOKEN=${token}`, Deno.execPath(), "run", "--allow-net"];
    return await this.#namespace.run(...words, "--allow-env", path, ...args);
  }

  /** Kills the daemon, and waits until it is gone. */
  async kill(): Promise<void> {
    const { pid } = await this.#installation.daemon(); // as it is numbered on its host
    const script = `kill -9 ${pid}; while grep -q '^State:.[^ZX]' /proc/${pid}/status 2>/dev/null; do :; done`;
    await this.#namespace.run("sh", "-c", script);
  }

  /** Stops the daemon as a suspended machine does, until {@linkcode resume}. */
  async suspend(): Promise<void> {
    await this.#signal("STOP");
  }

  /** See {@linkcode suspend}. */
  async resume(): Promise<void> {
    await this.#signal("CONT");
  }

  async #hasDaemon(): Promise<boolean> {
    try {
      await this.#installation.daemon();
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  async #signal(name: string): Promise<void> {
    const { pid } = await this.#installation.daemon(); // as it is numbered on its host
    await this.#namespace.run("kill", `-${name}`, `${pid}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (await this.#hasDaemon()) {
      await this.kill();
      await Deno.remove(`${this.#installation.stateDir}/daemon.json`); // its pid is another process's outside of the host
    }
    await this.#installation[Symbol.asyncDispose]();
  }
}
