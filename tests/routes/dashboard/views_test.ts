/** The views of the dashboard as the server renders them. */
import assert from "node:assert/strict";
import { foreign, h, visible } from "../../../routes/dashboard/browser/element.js";
import { ENGLISH } from "../../../routes/dashboard/browser/english.js";
import { makeView, utcText } from "../../../routes/dashboard/browser/facts.js";
import { leaseRow } from "../../../routes/dashboard/browser/lease_row.js";
import { portView } from "../../../routes/dashboard/browser/port_view.js";
import { strangersSection } from "../../../routes/dashboard/browser/strangers.js";
import { attention, summary } from "../../../routes/dashboard/browser/summary.js";
import { LANGUAGES } from "../../../routes/dashboard/browser/texts.js";
import type { Overview, Stranger } from "../../../routes/dashboard/data.ts";
import { render } from "../../../routes/dashboard/render.ts";
import type { PortDescription } from "../../../src/inspect/description.ts";
import type { Lease } from "../../../src/lease/lease.ts";

const HOSTILE = `"><img src=x onerror='alert(1)'>&amp;</td>\u202etxt\u0007`;
/** The same as a browser must get it. */
const HARMLESS = "&quot;&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;amp;&lt;/td&gt;\\u202etxt\\x07";

const LEASE = {
  id: "01KAR3Y8T2M4C6V8X0Z2B4D6F8",
  name: "shop/web",
  project: "shop",
  port: 20417,
  protocols: ["tcp"],
  state: "granted",
  holder: { id: "me", pid: 7, command: "node vite", cwd: null, user: null, startTime: null, bootId: null },
  lifetime: { kind: "pinned" },
  hold: "soft",
  labels: {},
  exposure: null,
  listener: null,
  grantedAt: "2026-11-23T10:00:00.000Z",
  renewedAt: "2026-11-23T10:00:00.000Z",
  expiresAt: null,
  endedAt: null,
} as const satisfies Lease;

const EXPOSED = {
  ...LEASE,
  exposure: { firewall: { direction: "in", profiles: [], remote: [] }, gateway: null },
} as const;

const VIEW = makeView(ENGLISH, utcText, null);

function overview(changes: Partial<Overview>): Overview {
  return { status: { warnings: [] }, gateway: { mappings: [], faults: [] }, ...changes } as unknown as Overview;
}

Deno.test("text from outside is escaped wherever it stands, and its controls are visible", () => {
  const { holder } = LEASE;
  const hostile: Lease = {
    ...LEASE,
    name: HOSTILE,
    project: null,
    holder: { ...holder, id: HOSTILE, command: HOSTILE, cwd: HOSTILE, user: HOSTILE },
    labels: { note: HOSTILE },
  };
  const conflict: Lease = {
    ...hostile,
    state: "conflict",
    listener: { ...holder, command: HOSTILE, address: "::", since: LEASE.grantedAt, reason: HOSTILE },
  };
  const stranger: Stranger = {
    port: 20001,
    protocol: "tcp",
    addresses: ["::"],
    pid: 9,
    command: HOSTILE,
    user: HOSTILE,
    pooled: true,
    name: HOSTILE,
  };
  const port = { sentence: HOSTILE, leases: [hostile], listeners: [], advice: [HOSTILE] } as unknown as PortDescription;
  const state = { port, asking: null, result: { kind: "refusal", text: HOSTILE } as const, report: null };
  for (
    const html of [
      render(leaseRow(hostile, VIEW)),
      render(leaseRow(conflict, VIEW)),
      render(attention({ conflicts: [conflict], strangers: [stranger], overview: null }, ENGLISH)),
      render(strangersSection({ listeners: [stranger], total: 1, collisions: 1 }, ENGLISH)),
      render(portView(state, VIEW)),
    ]
  ) {
    assert.ok(html.includes(HARMLESS), html);
    // deno-lint-ignore no-control-regex -- BEL is one of the hostile characters
    assert.doesNotMatch(html, /<img|\u202e|\u0007|onerror='/);
  }
});

Deno.test("an attribute cannot be left by what stands in it", () => {
  const html = render(h("p", { title: HOSTILE, hidden: true, lang: null, id: false }, "a", null, 0, [["b"], "c"]));
  assert.match(html, /^<p title="[^"<>]*" hidden="">a0bc<\/p>$/);
});

Deno.test("foreign() isolates the direction of a text, visible() shows every control character", () => {
  assert.equal(render(foreign("שלום\u2067")), "<bdi>שלום\\u2067</bdi>");
  assert.equal(visible("a\tb\u009b\u200f"), "a\\x09b\\x9b\\u200f");
});

Deno.test("a row has the parts of a lease, and links to nothing but this machine", () => {
  const html = render(leaseRow(LEASE, VIEW));
  assert.match(html, /<span class="mark granted">granted<\/span>/);
  assert.match(html, /<span class="project"><bdi>shop<\/bdi><\/span><strong><bdi>web<\/bdi><\/strong>/);
  const links = [...html.matchAll(/<a [^>]*>/g)].map(([link]) => link);
  assert.deepEqual(links, ['<a href="http://localhost:20417/" target="_blank" rel="noreferrer noopener">']);
  assert.match(html, /<time datetime="2026-11-23T10:00:00.000Z">2026-11-23 10:00 UTC<\/time>/);
  assert.doesNotMatch(render(leaseRow({ ...LEASE, protocols: ["udp"] }, VIEW)), /<a /);
});

Deno.test("a row shows its program without the folder, and a conflict the reason", () => {
  const run = (command: string) => render(leaseRow({ ...LEASE, holder: { ...LEASE.holder, command } }, VIEW));
  assert.match(run("/usr/local/bin/node /srv/app.js"), /<bdi>node \/srv\/app\.js<\/bdi>/);
  assert.match(run("C:\\tools\\node.exe app.js"), /<bdi>node\.exe app\.js<\/bdi>/);
  assert.match(run("x".repeat(300)), /<bdi>x{120}…<\/bdi>/);
  const listener = { ...LEASE.holder, address: "::", since: LEASE.grantedAt, reason: "pid 9 runs elsewhere" };
  assert.match(render(leaseRow({ ...LEASE, state: "conflict", listener }, VIEW)), /<bdi>pid 9 runs elsewhere<\/bdi>/);
});

Deno.test("the rule of a lease is the worst of its protocols, and its mapping says where it leads", () => {
  const rules = [{ protocol: "tcp", port: 20417, state: "set" }, {
    protocol: "udp",
    port: 20417,
    state: "failed",
  }] as const;
  const mappings = [{
    leaseId: LEASE.id,
    state: "set",
    external: { address: "203.0.113.9", port: 8080 },
    protocol: "tcp",
  }];
  const view = makeView(
    ENGLISH,
    utcText,
    overview({ firewall: { backend: "nftables", rules }, gateway: { mappings, faults: [] } as never }),
  );
  assert.equal(view.ruleOf(LEASE), null);
  assert.equal(view.ruleOf(EXPOSED), "set");
  assert.equal(view.ruleOf({ ...EXPOSED, protocols: ["tcp", "udp"] }), "failed");
  assert.match(render(leaseRow(EXPOSED, view)), /rule-set">set<.*mapping-set">203\.0\.113\.9:8080</);
});

Deno.test("the head says in words what is free and what is in conflict", () => {
  const say = (free: number, live: number, conflicts: number) =>
    render(summary({ size: 9846, free }, { live, conflicts }, ENGLISH)).replaceAll(/<[^>]*>/g, "");
  assert.equal(say(9846, 0, 0), "9,846 of 9,846 ports are free, none is leased.");
  assert.equal(say(9845, 1, 0), "9,845 of 9,846 ports are free, 1 is leased, none is in conflict.");
  assert.equal(say(6846, 3000, 2), "6,846 of 9,846 ports are free, 3,000 are leased, 2 are in conflict.");
});

Deno.test("what needs attention is hidden where nothing does, and never endless", () => {
  assert.match(
    render(attention({ conflicts: [], strangers: [], overview: overview({}) }, ENGLISH)),
    /^<section[^>]* hidden/,
  );
  const conflicts = Array.from({ length: 50 }, () => ({ ...LEASE, state: "conflict" }) as Lease);
  const html = render(attention({ conflicts, strangers: [], overview: null }, ENGLISH));
  assert.equal(html.match(/<li>/g)?.length, 7);
  assert.match(html, /and 44 more/);
});

Deno.test("every language has the same words, and none is empty", () => {
  const keysOf = (value: unknown, path = ""): string[] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, each]) => keysOf(each, `${path}.${key}`))
      : [`${path}:${typeof value}`];
  const [first, ...others] = Object.values(LANGUAGES);
  for (const other of others) assert.deepEqual(keysOf(other).sort(), keysOf(first).sort());
  assert.deepEqual(JSON.stringify(LANGUAGES).match(/:""/g), null);
  assert.ok(keysOf(first).length > 150);
});
