/** Finds out what keeps every port from a wish. Changes nothing. */
import { type Clock, isoInstant } from "../clock.ts";
import type { Allocator } from "./allocator.ts";
import type { Survey } from "./candidates.ts";
import type { LeaseTable } from "./lease_table.ts";
import { toLease } from "./record.ts";
import { type Demand, type Shortage, withoutFree } from "./shortage.ts";
import type { Wish } from "./wish.ts";

/** What a {@linkcode Surveyor} looks at. */
export interface SurveyorParts {
  readonly allocator: Pick<Allocator, "survey">;
  readonly clock: Clock;
  /** Below this port the daemon may not listen; 0 where it may everywhere. */
  readonly privilegedBelow: number;
}

/** A survey looks at each port: when a thousand requests stop waiting at once, they share one. */
const FRESH_MS = 100;

/** Surveys ports, the same ones ten times a second at most. */
export class Surveyor {
  readonly #parts: SurveyorParts;
  #last: { readonly ports: string; readonly at: number; readonly survey: Survey } | undefined;

  constructor(parts: SurveyorParts) {
    this.#parts = parts;
  }

  /** What keeps every port from a wish; `undefined` where the kernel chooses. */
  shortageOf({ wish, asked }: Demand, table: LeaseTable): Shortage | undefined {
    if (wish.pool === "os") return undefined;
    const { clock } = this.#parts;
    const found = this.#survey(wish);
    const survey = asked === 1 ? withoutFree(found) : found;
    const records = survey.examples.leased.flatMap((port) => table.byPort(port, wish.protocols) ?? []);
    const retryAt = survey.retryAt === null ? null : isoInstant(clock.now() + survey.retryAt - clock.monotonic());
    return { ...survey, retryAt, leases: records.map((record) => toLease(record, clock)) };
  }

  #survey(wish: Wish): Survey {
    const { allocator, clock, privilegedBelow } = this.#parts;
    const ports = `${wish.protocols} ${wish.range?.first}-${wish.range?.last}`, at = clock.monotonic();
    if (this.#last?.ports !== ports || at >= this.#last.at + FRESH_MS) {
      this.#last = { ports, at, survey: allocator.survey(wish, privilegedBelow) };
    }
    return this.#last.survey;
  }
}
