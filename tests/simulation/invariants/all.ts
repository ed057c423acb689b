/** Every invariant. */
import { EXPIRY, KEPT_CHANGES, KEPT_ENDS, KEPT_GRANTS, READS } from "./acknowledged.ts";
import { ANSWERS, INTERNAL, STUCK } from "./answers.ts";
import { EXPOSURE, RULES } from "./exposure.ts";
import { FILE } from "./file.ts";
import { HOLDS } from "./holds.ts";
import type { Invariant } from "./invariant.ts";
import { ACCOUNTS, INDEX, NAMES, PORTS } from "./ports.ts";
import { COOLING_ENDS, COOLING_KEPT } from "./quarantine.ts";
import { EXHAUSTED, ORDER, SERVED } from "./queue.ts";
import { ALL_OR_NOTHING, REFUSED } from "./refused.ts";
import { REPEATS } from "./repeats.ts";

export type { Invariant } from "./invariant.ts";

/** In the order in which they are checked: one that fails only because another fails comes after that other. */
export const INVARIANTS: readonly Invariant[] = [
  PORTS,
  NAMES,
  INDEX,
  REFUSED,
  ALL_OR_NOTHING,
  REPEATS,
  EXPOSURE,
  KEPT_GRANTS,
  KEPT_ENDS,
  KEPT_CHANGES,
  EXPIRY,
  READS,
  EXHAUSTED,
  ORDER,
  SERVED,
  COOLING_KEPT,
  COOLING_ENDS,
  ACCOUNTS,
  HOLDS,
  FILE,
  ANSWERS,
  INTERNAL,
  STUCK,
  RULES,
];
