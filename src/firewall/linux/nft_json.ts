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
  /** A text, if there is one. */
  readonly comment: unknown;
  readonly expr: readonly Statement[];
}

/** One chain with its rules, in their order. */
export interface NftChain extends ChainName {
  /** The hook of a base chain: `input`. Other chains are reached only by jumps. */
  readonly hook: unknown;
  readonly policy: unknown;
  readonly rules: readonly NftRule[];
}

/** Every chain. */
export type Ruleset = readonly NftChain[];

/** Reads a parsed answer; `undefined` when it is no ruleset at all. Unknown objects are skipped. */
export function parseRuleset(answer: unknown): Ruleset | undefined {
  const objects = isObject(answer) ? answer.nftables : undefined;
  if (!Array.isArray(objects)) return undefined;
  const entries = objects.filter(isObject);
  const rules = Map.groupBy(entries.flatMap(({ rule }) => parseRule(rule)), chainKey);
  return entries.flatMap(({ chain }) => {
    if (!isObject(chain) || typeof chain.name !== "string") return [];
    const { hook, policy } = chain, name = nameOf(chain, chain.name);
    return [{ ...name, hook, policy, rules: rules.get(chainKey(name)) ?? [] }];
  });
}

/** Identifies a chain. */
export function chainKey({ family, table, chain }: ChainName): string {
  return JSON.stringify([family, table, chain]);
}

/** Whether a value is an object, and no array. */
export function isObject(value: unknown): value is Statement {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text or number as text; anything else as the empty text. */
export function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? `${value}` : "";
}

/** Reads a rule; none where it is no rule. */
function parseRule(rule: unknown): NftRule[] {
  if (!isObject(rule) || typeof rule.chain !== "string" || typeof rule.handle !== "number") return [];
  const { chain, handle, comment, expr } = rule;
  const statements = Array.isArray(expr) ? expr.map((statement) => isObject(statement) ? statement : {}) : [];
  return [{ ...nameOf(rule, chain), handle, comment, expr: statements }];
}

function nameOf({ family, table }: Statement, chain: string): ChainName {
  return { family: textOf(family), table: textOf(table), chain };
}
