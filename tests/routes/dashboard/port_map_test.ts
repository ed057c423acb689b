/** What stands around the map of all ports, and the plot of the last hour: the views, without a browser. */
import assert from "node:assert/strict";
import { activitySection } from "../../../routes/dashboard/browser/activity.js";
import { ENGLISH } from "../../../routes/dashboard/browser/english.js";
import { mapLegend, mapTable, runsOf, segmentsOf } from "../../../routes/dashboard/browser/port_map.js";
import { LANGUAGES } from "../../../routes/dashboard/browser/texts.js";
import { render } from "../../../routes/dashboard/render.ts";
import { drawMap, type MapFacts } from "../../../src/inspect/draw_map.ts";
import type { PortMap } from "../../../src/inspect/port_map.ts";
import { ACTIVITY } from "../../support/wire.ts";

/** The map of a machine with some leases, without its version. */
function mapOf(facts: Partial<MapFacts> = {}): PortMap {
  const map = drawMap({
    os: { ephemeral: { first: 32768, last: 60999 }, reserved: [], excluded: [], unprivilegedFrom: 1024 },
    pool: [{ first: 20000, last: 29999 }],
    members: [20000, 20001, 20002],
    exclude: [],
    isWithheld: () => false,
    listeners: [{ protocol: "tcp", localPort: 22 }],
    leases: [{ port: 20001, protocols: ["tcp"], state: "listening" }],
    line: undefined,
    ...facts,
  });
  return { version: "1", ...map };
}

/** The text of an element, without its marks. */
const textOf = (html: string) => html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ").trim();

Deno.test("the runs of a map are ranges that cover every port once", () => {
  const runs = runsOf(mapOf(), "tcp");
  assert.deepEqual(runs.slice(0, 4), [
    { first: 0, last: 0, state: "none" },
    { first: 1, last: 21, state: "free" },
    { first: 22, last: 22, state: "used" },
    { first: 23, last: 19999, state: "free" },
  ]);
  assert.equal(runs.at(-1)?.last, 65_535);
  for (const [i, { first }] of runs.entries()) assert.equal(first, (runs[i - 1]?.last ?? -1) + 1);
});

Deno.test("the ranges beside the picture are those of the system and the pool, also where they meet or touch the ends", () => {
  const kinds = (map: PortMap) => segmentsOf(map).map(({ first, last, kind }) => `${first}-${last} ${kind}`);
  assert.deepEqual(kinds(mapOf()), [
    ...["0-1023 system", "1024-19999 other", "20000-29999 pool", "30000-32767 other"],
    ...["32768-60999 ephemeral", "61000-65535 other"],
  ]);
  const os = { ephemeral: { first: 49152, last: 65535 }, reserved: [], excluded: [], unprivilegedFrom: 0 };
  const pool = [{ first: 1, last: 100 }, { first: 60000, last: 65535 }];
  assert.deepEqual(kinds(mapOf({ os, pool })), [
    ...["0-0 other", "1-100 pool", "101-49151 other", "49152-59999 ephemeral", "60000-65535 pool"],
  ]);
});

Deno.test("the legend counts each state in words, and the rare ones only where there are any", () => {
  const text = textOf(render(mapLegend(mapOf(), "tcp", ENGLISH)));
  assert.match(
    text,
    /^in conflict 0 leased and listening 1 leased, nobody listens 0 used without a lease 1 free in the pool 2 /,
  );
  assert.doesNotMatch(text, /excluded|withheld|on this line/);
  const line = { verdict: "map-e", usable: [{ first: 4368, last: 4383 }, { first: 8464, last: 8479 }] } as const;
  const other = textOf(render(mapLegend(mapOf({ exclude: [{ first: 5, last: 6 }], line }), "udp", ENGLISH)));
  assert.match(other, /excluded 2 .*can be had on this line 32$/);
});

Deno.test("the table says the same as the picture, for both protocols", () => {
  for (const texts of Object.values(LANGUAGES)) {
    const rows = render(mapTable(mapOf(), texts, true)).split("<tr>").map(textOf);
    const pool = rows.find((row) => row.startsWith("20000–29999"))!;
    assert.match(pool, /\b1\b.*\b0\b.*\b2\b.*\b3\b/); // leased by TCP and UDP, free by TCP and UDP
    assert.equal(rows.length, 8);
  }
});

Deno.test("the plot has a bar for each minute with something in it, and says in words what it shows", () => {
  const html = render(activitySection(ACTIVITY, ENGLISH));
  assert.equal(html.match(/<rect class="grants"/g)?.length, 1);
  assert.equal(html.match(/<rect class="releases"/g)?.length, 2);
  assert.equal(html.match(/<path class="refusals"/g)?.length, 1);
  assert.match(html, /role="img" aria-label="3 granted, 2 ended and 2 refused in the last 2 minutes\."/);
  const full = {
    ...ACTIVITY,
    grants: new Array(60).fill(1),
    releases: new Array(60).fill(0),
    refusals: new Array(60).fill(0),
  };
  assert.match(textOf(render(activitySection(full, ENGLISH))), /60 granted, 0 ended and 0 refused in the last hour\./);
});
