/** The same document, in which objects of answers have no other members than those that are described. */

/** Schemas that may have others: what extends it is closed instead; an import takes what an export has. */
const OPEN: ReadonlySet<string> = new Set(["Problem", "ImportRequest"]);

/** A copy with closed objects; what may have any members is left as it is. */
export function closed(part: unknown, name = ""): unknown {
  if (Array.isArray(part)) return part.map((each) => closed(each));
  if (typeof part !== "object" || part === null) return part;
  const copy = Object.fromEntries(
    Object.entries(part).map(([key, value]) => [key, OPEN.has(key) ? value : closed(value, key)]),
  ) as Record<string, unknown>;
  const isSchema = copy.type === "object" && "properties" in copy && name !== "properties";
  if (!isSchema || "additionalProperties" in copy) return copy;
  return { ...copy, ["allOf" in copy ? "unevaluatedProperties" : "additionalProperties"]: false };
}
