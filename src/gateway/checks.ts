/** Asks a router whether it still has what it granted: by its epoch, and by reading one mapping back after the other. */
import { type Gateway, GatewayError } from "./gateway.ts";
import { type Entry, requestOf } from "./entry.ts";
import { currentOf, isReachable } from "./plan.ts";
import { wishKey } from "./record.ts";
import type { Side } from "./side.ts";
import { type Steps, type StepsParts, withTaken } from "./steps.ts";

/** What {@linkcode Checks} are made of. */
export interface ChecksParts extends Pick<StepsParts, "table" | "trials" | "view" | "clock" | "signal"> {
  readonly steps: Steps;
}

/** What they find is asked for again by the next plan. */
export class Checks {
  readonly #parts: ChecksParts;
  /** The mapping that was read back last. */
  #looked = "";

  constructor(parts: ChecksParts) {
    this.#parts = parts;
  }

  /** Asks a router that is spoken to. @throws the signal's reason. */
  async check(side: Side): Promise<void> {
    const gateway = side.gateway!, { signal } = this.#parts;
    try {
      if (await gateway.hasForgotten(signal)) this.#loseAll(gateway);
      await side.readExternal();
      await this.#look(gateway);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof GatewayError)) throw error;
      if (error.fault === "silent") side.fail(error);
    }
  }

  /** The router has lost its table: everything that it had is asked for again. */
  #loseAll(gateway: Gateway): void {
    const { table, steps, clock } = this.#parts;
    for (const entry of this.#currentAt(gateway)) {
      steps.lost(entry);
      table.touch({ ...entry, isLost: entry.record.external !== null, renewAt: clock.monotonic() });
    }
  }

  /** Reads the next mapping back. Where it is gone, the others may be gone too. */
  async #look(gateway: Gateway): Promise<void> {
    const { table, signal, steps, clock } = this.#parts, now = clock.monotonic();
    const entries = this.#currentAt(gateway).filter(({ record, isLost }) => record.external !== null && !isLost);
    if (entries.length === 0) return;
    const nonces = entries.map(({ record }) => record.nonce).sort();
    this.#looked = nonces.find((nonce) => nonce > this.#looked) ?? nonces[0]!;
    const entry = table.get(this.#looked)!;
    switch (await gateway.look(requestOf(entry.record), entry.record.external!.port, signal)) {
      case "gone":
        steps.lost(entry);
        for (const each of entries) table.touch({ ...each, isLost: each === entry, renewAt: now });
        break;
      case "foreign":
        await this.#leaveToOther(entry);
    }
  }

  /** The external port leads to another host now: it is not touched, and another one is asked for. */
  async #leaveToOther(entry: Entry): Promise<void> {
    const { table, trials, steps, clock } = this.#parts, { record } = entry, key = wishKey(record);
    const { port } = record.external!;
    await steps.guard(key, entry, async () => {
      steps.lost(entry);
      const reason = `port ${port} of the router leads to another host now`;
      const taken = withTaken(trials.get(key), port);
      trials.set(key, { failures: 1, notBefore: clock.monotonic(), reason, taken });
      await table.remove(entry);
    });
  }

  #currentAt(gateway: Gateway): readonly Entry[] {
    const view = this.#parts.view();
    return [...currentOf(view).values()].filter(({ record }) =>
      record.family === gateway.family && isReachable(view, record)
    );
  }
}
