/** docs/grafana.json; tests/os/prometheus_test.ts sends its queries to a Prometheus. */
import assert from "node:assert/strict";
import { readFamilies } from "../../src/daemon/metrics.ts";
import { appTest } from "../support/app.ts";
import { type Panel, readDashboard } from "../support/metrics/dashboard.ts";

const dashboard = await readDashboard();
const isRow = ({ type }: Panel) => type === "row";
const shown = dashboard.panels.filter((panel) => !isRow(panel));

Deno.test("every panel has a short title, a description, a unit, and the data source that is chosen at the top", () => {
  assert.ok(shown.length > 20);
  for (const { title, description = "", datasource, fieldConfig, targets = [] } of shown) {
    assert.match(title, /^[A-Z][\w -]{2,29}$/);
    assert.match(description, /^\S.+\.$/, title);
    assert.deepEqual(datasource, { type: "prometheus", uid: "${datasource}" }, title);
    assert.ok(fieldConfig?.defaults.unit, title);
    assert.ok(targets.length > 0 && targets.every(({ legendFormat }) => legendFormat !== ""), title);
  }
  assert.equal(new Set(shown.map(({ title }) => title)).size, shown.length);
});

Deno.test("every query chooses by the variables that the dashboard has", () => {
  const variables = dashboard.templating.list.map(({ name }) => name);
  assert.deepEqual(variables, ["datasource", "job", "instance"]);
  for (const { expr } of shown.flatMap(({ targets = [] }) => targets)) {
    const used = [...expr.matchAll(/\$(\w+)/g)].map(([, name]) => name!);
    assert.ok(used.includes("job") && used.includes("instance"), expr);
    assert.deepEqual(used.filter((name) => ![...variables, "__rate_interval"].includes(name)), [], expr);
  }
});

Deno.test("no panel lies on another or beside the grid", () => {
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert.ok(x >= 0 && x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert.ok(!taken.has(`${column} ${line}`), title);
        taken.add(`${column} ${line}`);
      }
    }
  }
});

appTest("the dashboard shows metrics that there are, and none is left out", (app) => {
  const text = shown.flatMap(({ targets = [] }) => targets).map(({ expr }) => expr).join("\n");
  const queried = new Set([...text.matchAll(/\b(?:portd|process)_\w+/g)].map(([name]) => baseOf(name)));
  const known = readFamilies(app.parts).map(({ name }) => name);
  assert.deepEqual([...queried].filter((name) => !known.includes(name)), []);
  assert.deepEqual(known.filter((name) => !queried.has(name)), ["portd_holds_limit"]);
  return Promise.resolve();
});

/** The metric of a series: a histogram has three. */
function baseOf(series: string): string {
  return series.replace(/(?<!resets)_(?:bucket|sum|count)$/, "");
}
