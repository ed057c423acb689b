/** Watches the daemon from outside: whether it answers, how much memory and how many descriptors it uses. */
import { liveLeases } from "../support/os/api.ts";
import { Connection } from "./connection.ts";

const EVERY_MS = 50;

/** Asks `GET /healthz` again and again, over one connection. */
export class Health {
  readonly faults: string[] = [];
  readonly #running: Promise<void>;
  #isEnding = false;
  #slowestMs = 0;

  constructor(host: string) {
    this.#running = this.#run(host);
  }

  /** Stops asking. @returns the longest time that an answer took, in milliseconds. */
  async end(): Promise<number> {
    this.#isEnding = true;
    await this.#running;
    return this.#slowestMs;
  }

  async #run(host: string): Promise<void> {
    const bytes = new TextEncoder().encode(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    try {
      using connection = await Connection.open("127.0.0.1", Number(new URL(`http://${host}`).port));
      while (!this.#isEnding) {
        const startedAt = performance.now();
        await connection.send(bytes);
        const answer = await connection.answer("GET");
        this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedAt);
        if (answer?.status !== 200) throw new Error(`it answers ${answer?.status}`);
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      }
    } catch (error) {
      this.faults.push(`GET /healthz: ${(error as Error).message}`);
    }
  }
}

const AT_ONCE = 16;

/** Releases every live lease, so that two measures of the daemon can be compared. */
export async function releaseAll(url: string, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const left = (await liveLeases(url)).values();
  const release = async () => {
    for (const { id } of left) {
      const response = await fetch(`${url}/leases/${id}`, { method: "DELETE", headers });
      await response.body?.cancel();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, release));
}

/** Resident memory of a process in bytes, and its open descriptors once their number has stopped falling. */
export async function weightOf(pid: number): Promise<{ readonly memory: number; readonly descriptors: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const memory = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  let descriptors = countDescriptors(pid);
  for (let steady = 0; steady < 5;) { // the daemon closes its end of a connection a moment after ours
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const now = countDescriptors(pid);
    steady = now < descriptors ? 0 : steady + 1;
    descriptors = Math.min(descriptors, now);
  }
  return { memory, descriptors };
}

function countDescriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}
