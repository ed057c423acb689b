/**
 * The daemon's metrics: reads what its parts have counted, and how they stand at this moment. No label has a value that
 * a caller chooses. docs/metrics.md has the table; names follow prometheus.io/docs/practices/naming.
 */
import process from "node:process";
import { EVENTS } from "../client/answer_shapes.ts";
import type { DaemonStatus } from "../client/wire.ts";
import type { ErrorCode } from "../errors.ts";
import type { RuleState } from "../firewall/plan.ts";
import { MAPPING_STATES } from "../gateway/mapping.ts";
import { ENDED_STATES, LIFETIME_KINDS, LIVE_STATES, type LiveState } from "../lease/lease.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { Family, Sample } from "../metrics/exposition.ts";
import type { Histogram } from "../metrics/histogram.ts";
import { PROTOCOLS } from "../port/port.ts";
import { VERSION } from "../version.ts";
import type { Services } from "./daemon.ts";

/** What metrics are read of. */
export type MetricsParts = Pick<
  Services,
  | "registry"
  | "activity"
  | "allocator"
  | "pool"
  | "store"
  | "watch"
  | "firewall"
  | "mapper"
  | "events"
  | "counts"
  | "status"
>;

/** The codes with which requests for ports are refused: those that have not occurred yet are 0. */
const GRANT_CODES: readonly ErrorCode[] = [
  "port_leased",
  "port_in_use",
  "port_excluded",
  "port_privileged",
  "name_taken",
  "scope_required",
  "too_many_leases",
  "pool_exhausted",
  "invalid_request",
  "store_unavailable",
];

const RULE_STATES: readonly RuleState[] = ["set", "not_needed", "missing", "failed", "unknown"];

/** All metrics, as they are now. */
export function readFamilies(parts: MetricsParts): readonly Family[] {
  const status = parts.status(); // it looks at every lease
  return [
    ...leaseFamilies(parts),
    ...portFamilies(parts, status),
    ...commitFamilies(parts),
    ...scanFamilies(parts),
    ...exposureFamilies(parts),
    ...serverFamilies(parts, status),
    ...processFamilies(),
  ];
}

function leaseFamilies({ registry, activity }: MetricsParts): Family[] {
  const { counts, table, waiting } = registry;
  return [
    gauge("portd_leases", "Live leases by state and kind of lifetime.", countLeases(table.all())),
    counter("portd_grants_total", "Leases granted or imported.", counts.granted),
    counter("portd_lease_ends_total", "Leases that ended, by how.", each("state", ENDED_STATES, (s) => counts[s])),
    counter(
      "portd_refusals_total",
      "Requests for ports that were refused, by error code.",
      known("code", GRANT_CODES, activity.refusals),
    ),
    gauge("portd_waiting_requests", "Requests that wait for a port to become free.", waiting),
  ];
}

function portFamilies({ pool, allocator }: MetricsParts, { holds }: DaemonStatus): Family[] {
  const free = each("protocol", PROTOCOLS, (protocol) => pool.countFree([protocol]));
  const { holdFailures } = allocator;
  return [
    gauge("portd_pool_ports", "Ports of the pool.", pool.size),
    gauge("portd_pool_free_ports", "Ports of the pool that are free, by protocol.", free),
    gauge(
      "portd_pool_used_ports",
      "Ports of the pool that are leased or withheld, by protocol.",
      free.map(({ labels, value }) => ({ labels, value: pool.size - value })),
    ),
    gauge("portd_quarantined_ports", "Ports that are withheld for a while.", allocator.quarantined),
    gauge("portd_holds", "Holds that are kept.", holds.kept),
    gauge("portd_holds_limit", "Holds that can be kept.", holds.limit),
    gauge("portd_holds_missing", "Leases whose hold is missing though nobody listens.", holds.missing),
    counter(
      "portd_hold_failures_total",
      "Ports that the kernel refused, or that got no hold, by reason.",
      Object.entries(holdFailures).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
  ];
}

function commitFamilies({ store: { commits } }: MetricsParts): Family[] {
  return [
    histogram("portd_commit_entries", "Entries that were written in one transaction.", commits.entries),
    histogram(
      "portd_commit_duration_seconds",
      "Time from the begin of a transaction until it is on the disk.",
      commits.seconds,
    ),
    counter("portd_commit_failures_total", "Entries that could not be written.", commits.failed),
  ];
}

function scanFamilies({ watch: { scans } }: MetricsParts): Family[] {
  return [
    histogram("portd_scan_duration_seconds", "Time of a scan for listeners on leased ports.", scans.seconds),
    counter("portd_scan_failures_total", "Scans that failed.", scans.failed),
    gauge("portd_scan_sockets", "Listening sockets on leased ports, as the last scan saw them.", scans.sockets),
  ];
}

function exposureFamilies({ firewall, mapper }: MetricsParts): Family[] {
  const rules = countBy(firewall.states(), (state) => state);
  const mappings = countBy(mapper.status().mappings, ({ state }) => state);
  const { counts } = firewall;
  return [
    gauge(
      "portd_firewall_rules",
      "Firewall rules that leases want, by state.",
      each("state", RULE_STATES, (state) => rules.get(state) ?? 0),
    ),
    counter(
      "portd_firewall_syncs_total",
      "Syncs of the firewall, by result.",
      each("result", ["ok", "failed"], (result) => counts[result]),
    ),
    histogram("portd_firewall_sync_duration_seconds", "Time of a sync of the firewall.", counts.seconds),
    gauge(
      "portd_gateway_mappings",
      "Mappings at the router, by state.",
      each("state", MAPPING_STATES, (state) => mappings.get(state) ?? 0),
    ),
  ];
}

function serverFamilies({ events, counts }: MetricsParts, { warnings }: DaemonStatus): Family[] {
  const { requests, readers, loopLag } = counts;
  const answers = [...requests.read()].map(({ count, ...labels }) => ({ labels, value: count }));
  const refused = [...requests.refusals].map(([code, value]) => ({ labels: { code }, value }));
  return [
    counter("portd_events_total", "Events, by type.", known("type", [...EVENTS.keys()], events.counts)),
    gauge("portd_event_readers", "Readers of the event stream.", readers.open),
    counter(
      "portd_event_reader_resets_total",
      "Readers of the event stream that had missed events and were sent a reset.",
      readers.reset,
    ),
    counter(
      "portd_event_readers_dropped_total",
      "Readers of the event stream that were dropped, as they had taken nothing for a minute.",
      readers.dropped,
    ),
    counter("portd_http_requests_total", "HTTP requests answered, by method, route and class of status.", answers),
    counter("portd_http_refusals_total", "HTTP requests answered with an error, by error code.", refused),
    histogram("portd_event_loop_lag_seconds", "How late a timer of the daemon went off.", loopLag),
    gauge("portd_warnings", "Warnings of portd status.", warnings.length),
    gauge("portd_build_info", "Always 1; the labels say which build it is.", [{
      labels: { version: VERSION, deno: Deno.version.deno, os: Deno.build.os, arch: Deno.build.arch },
      value: 1,
    }]),
  ];
}

/** The names are those of Prometheus' own client libraries. */
function processFamilies(): Family[] {
  const { rss, heapTotal } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    counter("process_cpu_seconds_total", "Time of the processor that the daemon has used.", (user + system) / 1e6),
    gauge("process_resident_memory_bytes", "Resident memory of the daemon.", rss),
    gauge("process_heap_bytes", "Heap of the daemon.", heapTotal),
    gauge("process_start_time_seconds", "Start of the daemon, in seconds since 1970.", performance.timeOrigin / 1000),
  ];
}

function counter(name: string, help: string, value: number | readonly Sample[]): Family {
  return { name, help, type: "counter", samples: samplesOf(value) };
}

function gauge(name: string, help: string, value: number | readonly Sample[]): Family {
  return { name, help, type: "gauge", samples: samplesOf(value) };
}

function histogram(name: string, help: string, counted: Histogram): Family {
  return { name, help, type: "histogram", samples: [{ value: counted.read() }] };
}

function samplesOf(value: number | readonly Sample[]): readonly Sample[] {
  return typeof value === "number" ? [{ value }] : value;
}

/** A sample for each value of a label. */
function each<const Value extends string>(label: string, values: readonly Value[], count: (value: Value) => number) {
  return values.map((value) => ({ labels: { [label]: value }, value: count(value) }));
}

/** A sample for each value of a label that was counted, and for those that may be. */
function known<Value extends string>(label: string, values: readonly Value[], counts: ReadonlyMap<Value, number>) {
  return each(label, [...new Set([...values, ...counts.keys()])], (value) => counts.get(value) ?? 0);
}

/** There may be fifty thousand. */
function countLeases(records: Iterable<LeaseRecord>): Sample[] {
  const samples = LIVE_STATES.map((state) =>
    LIFETIME_KINDS.map((lifetime) => ({ labels: { state, lifetime }, value: 0 }))
  );
  for (const { state, lifetime: { kind } } of records) {
    const sample = samples[LIVE_STATES.indexOf(state as LiveState)]?.[LIFETIME_KINDS.indexOf(kind)];
    if (sample !== undefined) sample.value++;
  }
  return samples.flat();
}

function countBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) {
    const key = keyOf(item);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
