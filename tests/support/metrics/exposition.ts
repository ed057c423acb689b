/** Reading metrics back: what a page of Prometheus' text format says. */

/** The value of each series by its text, like `portd_leases{state="idle",lifetime="ttl"}`. */
export type Series = ReadonlyMap<string, number>;

/** Reads the values. @throws {Error} for a line that is none, and for a series that comes twice. */
export function readSeries(page: string): Series {
  const series = new Map<string, number>();
  for (const line of page.trimEnd().split("\n").filter((line) => !line.startsWith("#"))) {
    const [, name, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (name === undefined || !Number.isFinite(Number(value))) throw new Error(`Cannot read the line ${line}`);
    if (series.has(name)) throw new Error(`Cannot read ${name}: it is there twice`);
    series.set(name, Number(value));
  }
  return series;
}

/** The sum of all series of one metric. */
export function sumOf(series: Series, metric: string): number {
  return [...series].filter(([name]) => name.split("{")[0] === metric).reduce((sum, [, value]) => sum + value, 0);
}

/** What became more or less between two pages, without what is the same. */
export function differences(before: Series, after: Series): Record<string, number> {
  const changed = [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(changed.filter(([, value]) => value !== 0));
}
