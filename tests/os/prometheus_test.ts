/** Debian's Prometheus reads a real daemon, with the configuration that docs/metrics.md shows. */
import assert from "node:assert/strict";
import { fencesOf } from "../support/docs/markdown.ts";
import { temporaryFolder } from "../support/folder.ts";
import { queriesOf, readDashboard } from "../support/metrics/dashboard.ts";
import { call } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { Prometheus, type Series } from "../support/os/prometheus.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";

const DOCUMENT = new URL("../../docs/metrics.md", import.meta.url);

/** What has happened by then: a grant, a refusal, an end, an error, and a sync of the firewall. */
async function use({ url }: ServedDaemon, installation: Installation): Promise<void> {
  const token = (await Deno.readTextFile(`${installation.stateDir}/admin.token`)).trim();
  const { body } = await call(url, "POST", "/leases", { ttlMs: 60_000 });
  await call(url, "POST", "/leases", { port: body!.port });
  await call(url, "DELETE", `/leases/${body!.id}`);
  await call(url, "POST", "/leases", { ttlMs: 60_000 });
  await call(url, "GET", "/nonsense");
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  await (await fetch(`${url}/firewall/sync`, { method: "POST", headers, body: "{}" })).body?.cancel();
}

osTest("promtool finds nothing to say about the metrics", [linux, tools("promtool")], async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await use(daemon, installation);
  const page = await (await fetch(`${daemon.url}/metrics`)).text();
  assert.match(page, /^portd_grants_total 2$/m);
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  })
    .spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { code, stdout, stderr } = await output;
  assert.deepEqual([code, ...[stdout, stderr].map((bytes) => new TextDecoder().decode(bytes))], [0, "", ""]);
});

osTest("Prometheus reads the daemon, with the token where one is needed, and the dashboard has data", [
  linux,
  tools("prometheus"),
], async () => {
  await using open = await Installation.create();
  await using closed = await Installation.create({ env: { PORTD_AUTH_ANONYMOUS: "none" } });
  await using daemon = await ServedDaemon.start(open, { args: ["--set", "firewall.backend=none"] });
  await using withToken = await ServedDaemon.start(closed, { args: ["--set", "firewall.backend=none"] });
  const [plain = "", authorized = ""] = fencesOf(await Deno.readTextFile(DOCUMENT))
    .filter(({ language }) => language === "yaml").map(({ text }) => text);
  const jobOf = (text: string, name: string, { url }: ServedDaemon) => {
    assert.match(text, /job_name: portd\n[^]*"127\.0\.0\.1:7678"/);
    return text.replace("scrape_configs:\n", "").replace("portd\n", `${name}\n`)
      .replace("127.0.0.1:7678", new URL(url).host)
      .replace("/etc/prometheus/portd.token", `${closed.stateDir}/admin.token`);
  };
  const jobs = [
    jobOf(plain, "open", daemon),
    jobOf(authorized, "with-token", withToken),
    jobOf(plain, "without-token", withToken),
  ];
  await using folder = await temporaryFolder();
  await using prometheus = await Prometheus.start(folder.path, `scrape_configs:\n${jobs.join("")}`);
  const scrapes = async (job: string) =>
    Number((await prometheus.query(`count_over_time(up{job="${job}"}[5m])`))[0]?.value[1] ?? 0);
  assert.ok(await prometheus.until(async () => await scrapes("open") > 0 && await scrapes("with-token") > 0));
  await use(daemon, open);
  const before = await scrapes("open");
  assert.ok(await prometheus.until(async () => await scrapes("open") >= before + 2));
  await use(daemon, open); // what was counted for the first time before has a rate now
  const grants = async (job: string) => (await prometheus.query(`portd_grants_total{job="${job}"}`))[0]!.value[1];
  assert.ok(await prometheus.until(async () => await grants("open") === "4"));
  assert.equal(await grants("with-token"), "0");
  const queries = queriesOf(await readDashboard(), "open", "5m");
  assert.ok(queries.length > 30);
  let empty = queries;
  await prometheus.until(async () => (empty = await unanswered(prometheus, empty)).length === 0);
  assert.deepEqual(empty, []);
  const up = await prometheus.query("up");
  assert.deepEqual(up.map(({ metric, value }) => `${metric.job} ${value[1]}`).sort(), [
    "open 1",
    "with-token 1",
    "without-token 0",
  ]);
});

/** The queries that answer nothing, or anything but numbers. */
async function unanswered(prometheus: Prometheus, queries: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(queries.map((query) => prometheus.query(query)));
  const isNumber = ({ value: [, text] }: Series) => Number.isFinite(Number(text));
  return queries.filter((_, i) => answers[i]!.length === 0 || !answers[i]!.every(isNumber));
}
