/** What differs between sequences: the size of things, and how often each kind of step comes. */
import type { Random } from "../support/random.ts";

/** What a step can be. */
export type StepKind =
  | "call"
  | "turn"
  | "answer"
  | "fault"
  | "time"
  | "look"
  | "server"
  | "process"
  | "abort"
  | "crash"
  | "restart"
  | "wall";

/** What a client can ask for. */
export type CallKind =
  | "grant"
  | "again"
  | "in use"
  | "repeat"
  | "release"
  | "release by label"
  | "renew"
  | "amend"
  | "expose"
  | "read"
  | "look around"
  | "export"
  | "import"
  | "events";

/** The settings of one sequence. */
export interface Settings {
  readonly pool: readonly number[];
  readonly excluded: readonly number[];
  readonly ephemeral: readonly number[];
  readonly cooldownMs: number;
  readonly defaults: { readonly claimMs: number; readonly graceMs: number; readonly processGraceMs: number };
  readonly mostAnswers: number;
  readonly mostHolds: number;
  /** Whether answers of the kernel and of the firewall come late. */
  readonly isKernelSlow: boolean;
  /** The share of syncs that are done by the next step. */
  readonly quickDisk: number;
  readonly steps: Readonly<Record<StepKind, number>>;
  readonly calls: Readonly<Record<CallKind, number>>;
  /** How often a grant asks for what. */
  readonly shape: GrantShape;
}

/** The share of grants that ask for something. */
export interface GrantShape {
  readonly named: number;
  readonly several: number;
  readonly wait: number;
  readonly keyed: number;
  readonly exposed: number;
  readonly processes: number;
}

const FIRST_PORT = 21_500, FIRST_EPHEMERAL = 40_000;

/** Sequences differ widely on purpose: a race shows where little else happens. */
export function drawSettings(random: Random): Settings {
  const size = random.pick([1, 2, 3, 4, 6, 10]);
  const pool = Array.from({ length: size }, (_, i) => FIRST_PORT + i);
  return {
    pool,
    excluded: random.chance(0.2) ? [FIRST_PORT + size] : [],
    ephemeral: Array.from({ length: random.pick([1, 4]) }, (_, i) => FIRST_EPHEMERAL + i),
    cooldownMs: random.pick([0, 0, 1000, 60_000, 60_000]),
    defaults: { claimMs: 600_000, graceMs: 300_000, processGraceMs: 10_000 },
    mostAnswers: random.chance(0.3) ? 3 : 50_000,
    mostHolds: random.chance(0.15) ? 1 : 1000,
    isKernelSlow: random.chance(0.3),
    quickDisk: random.pick([0, 0.3, 0.9]),
    steps: {
      call: random.pick([20, 40]),
      turn: random.pick([3, 10, 20]),
      answer: random.pick([3, 10]),
      fault: maybe(random, 0.3, 2),
      time: maybe(random, 0.8, random.pick([3, 8])),
      look: maybe(random, 0.7, 4),
      server: maybe(random, 0.5, 4),
      process: maybe(random, 0.5, 2),
      abort: maybe(random, 0.4, 2),
      crash: maybe(random, 0.35, 1),
      restart: maybe(random, 0.35, 2),
      wall: maybe(random, 0.3, 3),
    },
    calls: {
      grant: random.pick([20, 40]),
      again: maybe(random, 0.7, 10),
      "in use": maybe(random, 0.3, 4),
      repeat: maybe(random, 0.6, 12),
      release: random.pick([5, 15]),
      "release by label": maybe(random, 0.3, 2),
      renew: maybe(random, 0.6, 5),
      amend: maybe(random, 0.7, 8),
      expose: maybe(random, 0.5, 5),
      read: maybe(random, 0.6, 4),
      "look around": maybe(random, 0.3, 2),
      export: maybe(random, 0.2, 1),
      import: maybe(random, 0.2, 2),
      events: maybe(random, 0.1, 1),
    },
    shape: {
      named: random.pick([0, 0.5, 0.9]),
      several: random.pick([0, 0.2, 0.5]),
      wait: random.pick([0, 0.2, 0.7]),
      keyed: random.pick([0, 0.2, 0.6]),
      exposed: random.pick([0, 0.1, 0.4]),
      processes: random.pick([0, 0.1, 0.4]),
    },
  };
}

function maybe(random: Random, probability: number, weight: number): number {
  return random.chance(probability) ? weight : 0;
}
