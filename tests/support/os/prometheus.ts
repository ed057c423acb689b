/** Debian's Prometheus, as a child of the test. */
import { retryUntil } from "../../../src/wait.ts";
import { freePort } from "../sockets.ts";

/** Longer than a slow machine takes to start it. */
const LIMIT_MS = 120_000;
/** It reads each target so often; between two looks at it there is as much. */
const INTERVAL_MS = 1000;

/** A series that a query answers. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** The time, and the value as text. */
  readonly value: readonly [number, string];
}

/** A running Prometheus. Disposing of it kills it. */
export class Prometheus implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #url: string;

  private constructor(child: Deno.ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** Starts it in a folder, and answers when it is ready. @param config is YAML without the interval. */
  static async start(folder: string, config: string): Promise<Prometheus> {
    const address = `127.0.0.1:${freePort()}`, file = `${folder}/prometheus.yml`;
    const interval = `${INTERVAL_MS}ms`;
    await Deno.writeTextFile(file, `global: { scrape_interval: ${interval}, scrape_timeout: ${interval} }\n${config}`);
    const child = new Deno.Command("prometheus", {
      args: [`--config.file=${file}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${address}`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const prometheus = new Prometheus(child, `http://${address}`);
    try {
      if (!await prometheus.until(() => prometheus.#isReady())) throw new Error("Cannot start Prometheus");
      return prometheus;
    } catch (error) {
      await prometheus[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What a query answers now. @throws {Error} for a query that it does not understand. */
  async query(query: string): Promise<readonly Series[]> {
    const response = await fetch(`${this.#url}/api/v1/query?${new URLSearchParams({ query })}`);
    const { status, error, data } = await response.json();
    if (status !== "success") throw new Error(`Cannot query ${query}: ${error}`);
    return data.result;
  }

  /** Looks about once a second, for two minutes at most. @returns whether it became so. */
  async until(isSo: () => Promise<boolean>): Promise<boolean> {
    return await retryUntil(isSo, { pauseMs: INTERVAL_MS, limitMs: LIMIT_MS }) ?? false;
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/-/ready`);
      await response.body?.cancel();
      return response.ok;
    } catch (error) {
      if (error instanceof TypeError) return false; // it does not listen yet
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}
