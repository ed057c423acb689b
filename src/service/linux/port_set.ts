/** Sets of ports, as ranges in order that do not touch. Pure. */
import type { PortRange } from "../../port/port.ts";

/** All ports that are in one of the ranges, in whatever order these are. */
export function unite(ranges: readonly PortRange[]): PortRange[] {
  const united: { first: number; last: number }[] = [];
  for (const { first, last } of ranges.toSorted((one, other) => one.first - other.first)) {
    const before = united.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else united.push({ first, last });
  }
  return united;
}

/** The ports of `ranges` that are in none of `others`. */
export function subtract(ranges: readonly PortRange[], others: readonly PortRange[]): PortRange[] {
  return others.reduce<PortRange[]>(
    (left, other) =>
      left.flatMap(({ first, last }) =>
        [{ first, last: Math.min(last, other.first - 1) }, { first: Math.max(first, other.last + 1), last }]
          .filter((range) => range.first <= range.last)
      ),
    unite(ranges),
  );
}

/** The ports that are in both. */
export function intersect(ranges: readonly PortRange[], others: readonly PortRange[]): PortRange[] {
  return subtract(ranges, subtract(ranges, others));
}

/** A list like `8080,9000-9010`, which `parsePortList` reads. */
export function formatPortList(ranges: readonly PortRange[]): string {
  return ranges.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`).join(",");
}
