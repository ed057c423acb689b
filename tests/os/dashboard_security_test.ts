/** What a hostile web page can do to the daemon of a user who visits it, in Chromium: nothing. */
import assert from "node:assert/strict";
import { call } from "../support/os/api.ts";
import { CHROMIUM, Chromium } from "../support/os/browser.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, osTest } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";

const ATTACK = await Deno.readTextFile(new URL("../support/os/foreign_page.js", import.meta.url));
const HOSTILE_PAGE = `<!doctype html><title>hostile</title><body><script>${ATTACK}</script>`;

/** A name of the hostile page, and one of its names that leads to 127.0.0.1 by now: DNS rebinding. */
const FOREIGN = "foreign.test", REBOUND = "rebound.test";

type Outcomes = readonly (readonly [attempt: string, got: string])[];

/** Runs every attack against the daemon from a page at this address. */
async function attack(browser: Chromium, page: string, aim: object, options = {}): Promise<Outcomes> {
  await using opened = await browser.open(options);
  // The hostile server answers at any address, as it did before the name led elsewhere.
  await opened.page.route(page, (route) => route.fulfill({ contentType: "text/html", body: HOSTILE_PAGE }));
  await opened.page.goto(page);
  return await opened.page.evaluate(`attack(${JSON.stringify(aim)})`);
}

/** The attempts that got something else than this. */
function successes(outcomes: Outcomes, isHarmless: (got: string) => boolean): Outcomes {
  assert.ok(outcomes.length > 80, `${outcomes.length} attempts`);
  return outcomes.filter(([, got]) => !isHarmless(got));
}

osTest("a web page of another origin, and one whose name was rebound to 127.0.0.1, reads nothing and changes nothing", [
  linux,
  CHROMIUM,
], async (t) => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using browser = await Chromium.launch({ names: [FOREIGN, REBOUND] });
  const leaseId = (await call(daemon.url, "POST", "/leases", { name: "web", lifetime: { kind: "pinned" } })).body?.id;
  const { port } = new URL(daemon.url);
  const target = `http://127.0.0.1:${port}`;
  const leases = async () => (await call(daemon.url, "GET", "/leases")).body;
  const before = await leases();

  // By name (another site), and by address (the same site as the daemon's page, but not its origin).
  for (const host of [FOREIGN, "127.0.0.1"]) {
    await t.step(`a page on http://${host}, another port`, async () => {
      const outcomes = await attack(browser, `http://${host}:1/page`, { target, leaseId });
      assert.deepEqual(successes(outcomes, (got) => got === "nothing" || got === "opaque"), []);
      assert.deepEqual(await leases(), before);
    });
  }

  await t.step(`a page on http://${REBOUND}, the daemon's port`, async () => {
    const origin = `http://${REBOUND}:${port}`;
    const outcomes = await attack(browser, `${origin}/page`, { target: origin, leaseId });
    const isHarmless = (got: string) => got === "nothing" || got === "read 421" || got.includes('"misdirected_host"');
    assert.deepEqual(successes(outcomes, isHarmless), []);
    assert.deepEqual(await leases(), before);
  });

  await t.step("the same attempts from the daemon's own origin do read and change", async () => {
    const got = new Map(await attack(browser, `${target}/page`, { target, leaseId }, { bypassCSP: true }));
    assert.equal(got.get("fetch cors GET /v1/leases undefined"), "read 200");
    assert.equal(got.get("fetch cors POST /v1/leases application/json"), "read 201");
    assert.equal(got.get(`fetch cors DELETE /v1/leases/${leaseId} undefined`), "read 204");
    assert.match(got.get("window /v1/leases")!, /^read .*"stolen"/);
    assert.equal(got.get("events"), "read");
    assert.notDeepEqual(await leases(), before);
  });
});
