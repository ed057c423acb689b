/** The output of `nft -j list ruleset`, reduced to what portd needs; libnftables-json(5). Pure. */

/** A statement of a rule, or any other object of libnftables-json: its only key says what it is. */
export type Statement = Readonly<Record<string, unknown>>;

/** Where a rule stands. */
export interface ChainName {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

/** One rule. */
export interface NftRule extends ChainName {
  readonly handle: number;
  readonly comment: string | undefined;
  readonly expr: readonly Statement[];
}

/** One chain with its rules, in their order. */
export interface NftChain extends ChainName {
  /** The hook of a base chain: `input`. Other chains are reached only by jumps. */
  readonly hook: string | undefined;
  readonly policy: string | undefined;
  readonly rules: readonly NftRule[];
}

/** Every chain. */
export type Ruleset = readonly NftChain[];

/** Reads a parsed answer; `undefined` when it is no ruleset at all. Unknown objects are skipped. */
export function parseRuleset(answer: unknown): Ruleset | undefined {
  const objects = isObject(answer) ? answer.nftables : undefined;
  if (!Array.isArray(objects)) return undefined;
  const entries = objects.filter(isObject);
  const rules = Map.groupBy(entries.map(({ rule }) => parseRule(rule)).filter((rule) => rule !== undefined), chainKey);
  return entries.map(({ chain }) => parseChain(chain)).filter((chain) => chain !== undefined)
    .map((chain) => ({ ...chain, rules: rules.get(chainKey(chain)) ?? [] }));
}

/** Identifies a chain. */
export function chainKey({ family, table, chain }: ChainName): string {
  return JSON.stringify([family, table, chain]);
}

/** Whether a value is an object, and no array. */
export function isObject(value: unknown): value is Statement {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether two values of JSON are equal. The order of members does not count: it differs between versions of nft. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, i) => isEqual(value, other[i]));
  }
  if (!isObject(one) || !isObject(other)) return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => isEqual(one[key], other[key]));
}

/** A text or number as text; anything else as the empty text. */
export function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? `${value}` : "";
}

function parseRule(value: unknown): NftRule | undefined {
  if (!isObject(value) || typeof value.chain !== "string" || typeof value.handle !== "number") return undefined;
  const { handle, comment, expr } = value;
  return {
    ...place(value, value.chain),
    handle,
    comment: typeof comment === "string" ? comment : undefined,
    expr: Array.isArray(expr) ? expr.map((statement) => isObject(statement) ? statement : {}) : [],
  };
}

function parseChain(value: unknown): Omit<NftChain, "rules"> | undefined {
  if (!isObject(value) || typeof value.name !== "string") return undefined;
  const { hook, policy } = value;
  return {
    ...place(value, value.name),
    hook: typeof hook === "string" ? hook : undefined,
    policy: typeof policy === "string" ? policy : undefined,
  };
}

function place({ family, table }: Statement, chain: string): ChainName {
  return { family: textOf(family), table: textOf(table), chain };
}
