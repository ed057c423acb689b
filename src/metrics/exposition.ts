/**
 * Writing metrics as Prometheus reads them: its text format 0.0.4, and OpenMetrics 1.0.0. Both are lines of text; sources:
 * prometheus.io/docs/instrumenting/exposition_formats, and the OpenMetrics specification.
 */
import type { HistogramReading } from "./histogram.ts";

/** A value with its labels. */
export interface Sample<Value = number> {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: Value;
}

/** Metrics of one name. */
export type Family =
  & {
    /** In the form of both formats; that of a counter ends in `_total`. */
    readonly name: string;
    /** One line. */
    readonly help: string;
  }
  & (
    | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
    | { readonly type: "histogram"; readonly samples: readonly Sample<HistogramReading>[] }
  );

/** The formats, each with its Content-Type. */
export const FORMATS = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;

/** In which format metrics are written. */
export type Format = keyof typeof FORMATS;

/** Writes all families. */
export function writeMetrics(families: readonly Family[], format: Format): string {
  const lines = families.flatMap((family) => [...linesOf(family, format)]);
  if (format === "openMetrics") lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

function* linesOf(family: Family, format: Format): Generator<string> {
  const { name, type, help } = family;
  // OpenMetrics names the family of a counter without the suffix of its samples.
  const familyName = format === "openMetrics" && type === "counter" ? name.replace(/_total$/, "") : name;
  yield `# HELP ${familyName} ${escapeHelp(help, format)}`;
  yield `# TYPE ${familyName} ${type}`;
  if (family.type === "histogram") {
    for (const { labels, value } of family.samples) yield* bucketLines(name, labels, value, format);
    return;
  }
  for (const { labels, value } of family.samples) yield sampleLine(name, labels, value);
}

function* bucketLines(
  name: string,
  labels: Sample["labels"],
  { bounds, cumulative, sum }: HistogramReading,
  format: Format,
): Generator<string> {
  for (const [i, count] of cumulative.entries()) {
    yield sampleLine(`${name}_bucket`, { ...labels, le: boundText(bounds[i], format) }, count);
  }
  yield sampleLine(`${name}_sum`, labels, sum);
  yield sampleLine(`${name}_count`, labels, cumulative.at(-1)!);
}

/** OpenMetrics wants the bounds of buckets with a point: `1.0`. */
function boundText(bound: number | undefined, format: Format): string {
  if (bound === undefined) return "+Inf";
  return format === "openMetrics" && Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

function sampleLine(name: string, labels: Sample["labels"], value: number): string {
  const pairs = Object.entries(labels ?? {}).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

/** Only OpenMetrics escapes quotes here. */
function escapeHelp(text: string, format: Format): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return format === "openMetrics" ? escaped.replaceAll('"', '\\"') : escaped;
}

/** In which format a caller with this `Accept` header (RFC 9110, section 12.5.1) wants the metrics. */
export function formatFor(accept: string | null): Format {
  let text = 0, openMetrics = 0;
  for (const range of (accept ?? "").toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const valueOf = (name: string) => parameters.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    const quality = Number(valueOf("q") ?? 1);
    if (Number.isNaN(quality)) continue;
    if (["text/plain", "text/*", "*/*"].includes(type)) text = Math.max(text, quality);
    if (type === "application/openmetrics-text" && ["1.0.0", undefined].includes(valueOf("version"))) {
      openMetrics = Math.max(openMetrics, quality);
    }
  }
  return openMetrics > 0 && openMetrics >= text ? "openMetrics" : "text";
}
