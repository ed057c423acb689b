/** The dashboard as people use it: Debian's Chromium, a real daemon, and a server that `portd run` has started. */
import assert from "node:assert/strict";
import axe from "axe-core";
import { retryUntil } from "../../src/wait.ts";
import { call } from "../support/os/api.ts";
import { CHROMIUM, Chromium, type WatchedPage } from "../support/os/browser.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";

const PINNED = { lifetime: { kind: "pinned" } } as const;
/** Leases of the page that has more than it shows at first; PORTD_DASHBOARD_LEASES asks for more. */
const MANY = Number(Deno.env.get("PORTD_DASHBOARD_LEASES") ?? "150");
const HOSTILE = {
  name: "hostile",
  holder: {
    id: `<img src=x onerror="document.title='caught'">`,
    command: `<script>document.title='caught'</script> "quoted" 'too' \u202egnp.exe`,
    cwd: "/home/</td><b>me</b>",
  },
  labels: { note: `<i>&amp;</i>` },
  ...PINNED,
};

/** What axe-core finds, a line for each element. */
async function violations({ page }: WatchedPage, part = "body"): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(`axe.run(${JSON.stringify(part)}, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => id + ": " + html + " " + (any[0]?.message ?? ""))))`);
}

/** The row of a lease, by its name without the project. */
function row({ page }: WatchedPage, name: string) {
  return page.locator("#lease-table tbody tr", { has: page.locator(`td.name strong bdi:text-is("${name}")`) });
}

/** Presses Tab until this has the focus. @returns how often. */
async function tabTo({ page }: WatchedPage, selector: string): Promise<number> {
  for (let presses = 1; presses <= 200; presses++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return presses;
  }
  throw new Error(`Cannot reach ${selector} by Tab`);
}

async function hasVisibleFocus({ page }: WatchedPage): Promise<boolean> {
  return await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle !== "none"`);
}

osTest(
  "the dashboard shows what portd run does, follows it, and acts",
  [linux, CHROMIUM, tools("python3")],
  async (t) => {
    await using installation = await Installation.create();
    await using daemon = await ServedDaemon.start(installation);
    await using browser = await Chromium.launch();
    const origin = new URL(daemon.url).origin;
    const lease = async (body: object) => (await call(daemon.url, "POST", "/leases", body)).body!;

    await t.step("an empty page says the one command to run", async () => {
      await using opened = await browser.open();
      await opened.page.goto(origin);
      await opened.page.locator("#connection.live").waitFor();
      assert.match(await opened.page.locator("#no-leases").innerText(), /portd lease web/);
      assert.match(await opened.page.locator("#summary").innerText(), /ports are free, none is leased/);
      assert.deepEqual(opened.faults(origin), []);
    });

    await t.step(
      "a server of portd run appears while it starts, and a released lease leaves within a moment",
      async () => {
        await using opened = await browser.open();
        await opened.page.goto(origin);
        await opened.page.locator("#connection.live").waitFor();
        const words = ["run", "web", "--", "python3", "-m", "http.server", "{port}"];
        const child = installation.command(words, { stdin: "null", stdout: "null", stderr: "null" }).spawn();
        await row(opened, "web").locator(".mark.listening").waitFor();
        assert.match(
          await row(opened, "web").locator("td.process").innerText(),
          /python3 -m http\.server \d+\s+pid \d+/,
        );
        const { id } = await lease({ name: "short", ...PINNED });
        await row(opened, "short").waitFor();
        const start = performance.now();
        await call(daemon.url, "DELETE", `/leases/${id}`);
        await row(opened, "short").waitFor({ state: "detached" });
        console.log(`a release is seen after ${Math.round(performance.now() - start)} ms`);

        // Without the token it is not freed; with it the process ends.
        const { page } = opened;
        await row(opened, "web").getByRole("button").click();
        const dialog = page.locator("#port-dialog");
        await dialog.getByRole("button", { name: /^Free/ }).click();
        assert.match(
          await dialog.locator("form.question").innerText(),
          /End the process on port \d+\?[^]*http\.server/,
        );
        await dialog.getByRole("button", { name: "End it and release" }).click();
        await page.locator("#token-dialog").getByRole("button", { name: "Cancel" }).click();
        await dialog.getByText("This takes the token of the daemon, and none was entered.").waitFor();
        assert.deepEqual(opened.faults(origin), []);
        await dialog.getByRole("button", { name: /^Free/ }).click();
        await dialog.getByRole("button", { name: "End it and release" }).click();
        await page.getByLabel("Token of this daemon").fill("wrong");
        await page.keyboard.press("Enter");
        await page.getByText("This is not the token of this daemon.").waitFor();
        const token = (await Deno.readTextFile(`${installation.stateDir}/admin.token`)).trim();
        await page.getByLabel("Token of this daemon").fill(token);
        await page.keyboard.press("Enter");
        await row(opened, "web").waitFor({ state: "detached" });
        await child.status;
        // The wrong token was refused, which Chromium reports; nothing else was.
        assert.deepEqual(opened.faults(origin).filter((fault) => !fault.includes("401")), []);
        assert.equal(
          await page.evaluate(`document.documentElement.outerHTML.includes(${JSON.stringify(token)})`),
          false,
        );
        assert.equal(await page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length"), 0);
      },
    );

    await t.step("without scripts the page shows the leases too", async () => {
      await lease({ name: "plain", ...PINNED });
      await using opened = await browser.open({ javaScriptEnabled: false });
      await opened.page.goto(origin);
      assert.match(await row(opened, "plain").innerText(), /granted\s+plain\s+\d+ tcp\s+localhost:\d+/);
      assert.equal(await opened.page.locator("#new-lease").isVisible(), false);
      assert.match(await opened.page.locator("noscript").innerText(), /Scripts are off/);
    });

    await t.step("HTML, quotes, control characters and marks of direction are text", async () => {
      await lease(HOSTILE);
      await using opened = await browser.open();
      const { page } = opened;
      await page.goto(origin);
      await page.locator("#connection.live").waitFor();
      const text = await row(opened, "hostile").locator("td.process").innerText();
      assert.equal(text, `<script>document.title='caught'</script> "quoted" 'too' \\u202egnp.exe`);
      await row(opened, "hostile").getByRole("button").click();
      await page.locator("#port-dialog .lease").waitFor();
      assert.match(await page.locator("#port-dialog").innerText(), /<img src=x onerror=.*\/home\/<\/td><b>me<\/b>/s);
      assert.equal(await page.locator("main img, dialog img, main b, dialog i, main script").count(), 0);
      assert.doesNotMatch(await page.title(), /caught/);
      assert.deepEqual(opened.faults(origin), []);
    });

    await t.step("the keyboard alone leases a port, looks at it and releases it", async () => {
      await using opened = await browser.open();
      const { page } = opened;
      await page.goto(origin);
      await page.locator("#connection.live").waitFor();
      await tabTo(opened, "#new-lease");
      assert.ok(await hasVisibleFocus(opened));
      await page.keyboard.press("Enter");
      await page.locator("#lease-dialog [name=name]:focus").waitFor();
      await page.keyboard.type("typed");
      await page.keyboard.press("Enter");
      await page.locator("#lease-dialog").waitFor({ state: "detached" });
      await row(opened, "typed").waitFor();
      await tabTo(opened, "[aria-label='Details and actions of typed']");
      assert.ok(await hasVisibleFocus(opened));
      await page.keyboard.press("Enter");
      await page.locator("#port-dialog [data-do=release]").waitFor();
      for (const action of ["check", "open", "release", "free"]) await tabTo(opened, `[data-do=${action}]`);
      await tabTo(opened, "[data-do=release]");
      await page.keyboard.press("Enter");
      await row(opened, "typed").waitFor({ state: "detached" });
      await page.keyboard.press("Escape");
      await page.locator("#port-dialog").waitFor({ state: "detached" });
      assert.deepEqual(opened.faults(origin), []);
    });

    for (
      const [name, options] of [
        ["light", { colorScheme: "light" }],
        ["dark", { colorScheme: "dark" }],
        ["Japanese on a phone", { locale: "ja-JP", viewport: { width: 360, height: 740 } }],
      ] as const
    ) {
      await t.step(`axe-core finds nothing, and nothing is cut off: ${name}`, async () => {
        await using opened = await browser.open(options);
        const { page } = opened;
        await page.goto(origin);
        await page.locator("#connection.live").waitFor();
        assert.deepEqual(await violations(opened), []);
        await row(opened, "hostile").getByRole("button").click();
        await page.locator("#port-dialog .lease").waitFor();
        assert.deepEqual(await violations(opened, "#port-dialog"), []);
        const overflow = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        assert.ok(Number(overflow) <= 0, `${overflow} pixels`);
        assert.equal(await page.evaluate("document.documentElement.lang"), "locale" in options ? "ja" : "en");
        assert.deepEqual(opened.faults(origin), []);
      });
    }

    await t.step("many leases: the first hundred, the others at a press, and those that a filter finds", async () => {
      const services = Array.from({ length: MANY }, (_, i) => ({ name: `many-${i}` }));
      for (let i = 0; i < MANY; i += 50) {
        await lease({ project: `p${i}`, services: services.slice(i, i + 50), ...PINNED });
      }
      await using opened = await browser.open();
      const { page } = opened;
      await page.goto(origin);
      await page.locator("#more-rows").waitFor();
      assert.equal(await page.locator("#lease-table tbody tr").count(), 100);
      await page.locator("#filter").fill(`many-${MANY - 1}`);
      await row(opened, `many-${MANY - 1}`).waitFor();
      await page.locator("#filter").fill("no such lease");
      await page.locator("#no-match").waitFor();
      await page.locator("#filter").fill("");
      await page.locator("#more-rows").click();
      await page.locator("#lease-table tbody tr").nth(Math.min(MANY, 599) - 1).waitFor();
      await page.locator("th.port button").click();
      // Asked from here: the page's policy forbids what waits inside of it.
      const isSorted = () =>
        page.evaluate<boolean>(`(() => {
          const ports = [...document.querySelectorAll("#lease-table .number")].map((each) => Number(each.textContent));
          return ports.length >= 100 && ports.every((port, i) => i === 0 || ports[i - 1] <= port);
        })()`);
      assert.ok(
        await retryUntil(isSorted, { limitMs: 60_000, pauseMs: 200 }),
        "the rows are not in the order of ports",
      );
      assert.deepEqual(opened.faults(origin), []);
    });
  },
);

osTest("with anonymous none the dashboard shows nothing before the token", [
  linux,
  CHROMIUM,
], async () => {
  await using installation = await Installation.create({ env: { PORTD_AUTH_ANONYMOUS: "none" } });
  await using daemon = await ServedDaemon.start(installation);
  await using browser = await Chromium.launch();
  const origin = new URL(daemon.url).origin;
  await installation.answer(["lease", "--name", "shop/web"]);

  await using opened = await browser.open();
  const { page } = opened;
  await page.goto(origin);
  assert.doesNotMatch(await page.content(), /shop/);
  const token = (await Deno.readTextFile(`${installation.stateDir}/admin.token`)).trim();
  await page.getByLabel("Token of this daemon").fill(token);
  await page.keyboard.press("Enter");
  await row(opened, "web").waitFor();
  assert.match(await page.locator("#summary").innerText(), /1 is leased/);
  assert.deepEqual(opened.faults(origin), []);
});
