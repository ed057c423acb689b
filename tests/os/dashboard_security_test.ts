/**
 * The dashboard against those who mean ill, in Chromium: a web page that the user visits, text that somebody has put into
 * a lease or a command line, and who sees an address or a tab.
 */
import assert from "node:assert/strict";
import { retryUntil } from "../../src/wait.ts";
import { call } from "../support/os/api.ts";
import { CHROMIUM, Chromium, type WatchedPage } from "../support/os/browser.ts";
import { Installation } from "../support/os/installation.ts";
import { linesOf } from "../support/os/lines.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
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

/** What runs if text is taken for HTML or script, and what stands in the way of reading it. */
const MARKUP = `"'><img src=x onerror=caught=1><script>caught=1</script>`;
const RIGHT_TO_LEFT = "\u202Egnp.exe", CONTROLS = "\u0007\u009B2J";
const HOSTILE = {
  name: "hostile",
  holder: { id: `id ${MARKUP}`, command: `command ${MARKUP}${RIGHT_TO_LEFT}`, cwd: `/cwd ${MARKUP}` },
  labels: { note: `label ${MARKUP}` },
  lifetime: { kind: "pinned" },
};

/** A server without a lease whose command line is hostile. */
async function startStranger(): Promise<{ readonly port: number } & AsyncDisposable> {
  const code = `import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
time.sleep(600)`;
  const args = ["-", `argument ${MARKUP}${CONTROLS}`];
  const child = new Deno.Command("python3", { args, stdin: "piped", stdout: "piped" }).spawn();
  await new Blob([code]).stream().pipeTo(child.stdin);
  const lines = linesOf(child.stdout);
  const port = Number((await lines.next()).value);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await lines.next();
      await child.status;
    },
  };
}

/** Checks that the text is shown as text, and that nothing of it ran or became an element. */
async function checkText({ page, consoleErrors, pageErrors }: WatchedPage, words: readonly string[]): Promise<void> {
  const text = await page.evaluate<string>("document.body.textContent");
  for (const word of words) assert.ok(text.includes(`${word} ${MARKUP}`), `${word} is not shown as it is`);
  for (const visible of [String.raw`\x07\x9b2J`, String.raw`\u202egnp.exe`]) assert.ok(text.includes(visible), visible);
  for (const hidden of "\u202E\u0007\u009B") assert.ok(!text.includes(hidden), JSON.stringify(hidden));
  assert.equal(await page.evaluate("globalThis.caught"), undefined);
  assert.equal(await page.locator("img, body script, b, iframe").count(), 0);
  assert.deepEqual([...consoleErrors, ...pageErrors], []);
}

interface Scene {
  readonly installation: Installation;
  readonly daemon: ServedDaemon;
  readonly browser: Chromium;
  /** Its origin. */
  readonly target: string;
}

async function checkHostileText({ daemon, browser, target }: Scene): Promise<void> {
  await using stranger = await startStranger();
  const { status, body: lease = {} } = await call(daemon.url, "POST", "/leases", HOSTILE);
  assert.equal(status, 201, JSON.stringify(lease));
  for (const name of [MARKUP, RIGHT_TO_LEFT, CONTROLS]) {
    assert.equal((await call(daemon.url, "POST", "/leases", { name })).status, 400, "a name is of plain characters");
  }
  await using plain = await browser.open({ javaScriptEnabled: false });
  await plain.page.goto(target);
  assert.ok((await plain.page.locator("#lease-table").innerText()).includes(`command ${MARKUP}`));
  assert.equal(await plain.page.locator("img, body script, b, iframe").count(), 0);
  assert.deepEqual(plain.faults(target), []);

  await using opened = await browser.open();
  await opened.page.goto(target);
  await opened.page.waitForSelector("#map-ports span");
  await opened.page.waitForSelector(`text=${stranger.port}`, { state: "attached" });
  await checkText(opened, ["command", "argument"]);
  await opened.page.evaluate(`document.dispatchEvent(new CustomEvent("portd:inspect", { detail: ${lease.port} }))`);
  await opened.page.waitForSelector("#port-content dl");
  await checkText(opened, ["id", "command", "/cwd", "note=label"]);
  await call(daemon.url, "DELETE", `/leases/${lease.id}`);
}

async function checkSession({ installation, daemon, browser, target }: Scene): Promise<void> {
  const address = (await installation.answer(["dashboard", "--print"])).trim();
  const [, code = ""] = /#code=([0-9a-f]{40})$/.exec(address)!;
  const open = async (opened: WatchedPage) => {
    const answer = opened.page.waitForResponse(`${target}/v1/dashboard/sessions`);
    await opened.page.goto(address);
    const response = await answer;
    await opened.until("document.getElementById('announcer').textContent !== ''");
    assert.equal(opened.page.url(), `${target}/`);
    return response;
  };
  await using tab = await browser.open();
  const { token } = await (await open(tab)).json();
  const places = "JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, history.state])";
  assert.equal(await tab.page.evaluate(places), '["",{},{},null]');
  const mayExport = async () => {
    const answer = await fetch(`${daemon.url}/export`, { headers: { authorization: `Bearer ${token}` } });
    await answer.body?.cancel();
    return answer.ok;
  };
  assert.ok(await mayExport());
  await using second = await browser.open();
  assert.equal((await open(second)).status(), 401);
  assert.match((await second.page.textContent("#announcer"))!, /opened no session/);

  await tab.page.goto("about:blank");
  assert.ok(
    await retryUntil(async () => !await mayExport(), { pauseMs: 1000, limitMs: 60_000 }),
    "it ends with the tab",
  );
  const admin = (await Deno.readTextFile(`${installation.stateDir}/admin.token`)).trim();
  for (const secret of [admin, code, token]) assert.ok(!daemon.stderr.includes(secret));
  assert.ok(!address.includes(admin));
}

/** A session that has ended, as by a restart of the daemon, takes only the rights from its tab. */
async function checkEndedSession({ installation, daemon, browser, target }: Scene): Promise<void> {
  await using tab = await browser.open();
  const answer = tab.page.waitForResponse(`${target}/v1/dashboard/sessions`);
  await tab.page.goto((await installation.answer(["dashboard", "--print"])).trim());
  const { token } = await (await answer).json();
  const isLive = "document.querySelector('#connection.live') !== null";
  await tab.until(isLive);
  const headers = { authorization: `Bearer ${token}` };
  const { status } = await fetch(`${daemon.url}/dashboard/sessions/current`, { method: "DELETE", headers });
  assert.equal(status, 204);
  const lease = { name: "seen", lifetime: { kind: "pinned" } };
  const { body: seen } = await call(daemon.url, "POST", "/leases", lease);
  await tab.until(`document.getElementById('token').textContent === 'Enter the token' && ${isLive}`);
  const { body: later } = await call(daemon.url, "POST", "/leases", { ...lease, name: "seen-later" });
  await tab.until(`document.getElementById('lease-table').textContent.includes('seen-later') && ${isLive}`);
  for (const each of [seen, later]) await call(daemon.url, "DELETE", `/leases/${each!.id}`);
}

osTest("the dashboard is safe from web pages, from text in leases, and from who sees an address", [
  linux,
  CHROMIUM,
  tools("python3"),
], async (t) => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using browser = await Chromium.launch({ names: [FOREIGN, REBOUND] });
  const leaseId = (await call(daemon.url, "POST", "/leases", { name: "web", lifetime: { kind: "pinned" } })).body?.id;
  const { port } = new URL(daemon.url);
  const target = `http://127.0.0.1:${port}`;

  const scene = { installation, daemon, browser, target };
  await t.step(
    "text of a lease and of a command line is shown as text, and runs nothing",
    () => checkHostileText(scene),
  );
  await t.step("the code of portd dashboard works once, and the session is the tab's", () => checkSession(scene));
  await t.step("where the session has ended the page goes on without it", () => checkEndedSession(scene));

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
