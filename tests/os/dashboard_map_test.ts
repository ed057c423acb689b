/** The map of all ports in Chromium: keys, pointer, a port's details, both protocols, and what happens meanwhile. */
import assert from "node:assert/strict";
import { call } from "../support/os/api.ts";
import { CHROMIUM, Chromium, type WatchedPage } from "../support/os/browser.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, osTest } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { freePort, listen } from "../support/sockets.ts";

const PINNED = { lifetime: { kind: "pinned" }, hold: "none" } as const;

/** More ports than a machine has in use below the lease's. */
const MOST_IN_USE = 1000;

/** What the page says of the port at the cursor. */
const readout = ({ page }: WatchedPage) => page.textContent("#map-readout");

/** Waits until it says something that begins like this. */
async function waitForReadout(opened: WatchedPage, words: string): Promise<void> {
  await opened.until(`document.getElementById("map-readout").textContent.startsWith(${JSON.stringify(words)})`);
}

/** Waits until the middle of a port's mark has the colour of a state, or has it no more; it is painted a moment later. */
async function waitForMark(opened: WatchedPage, port: number, state: string, { isThere = true } = {}): Promise<void> {
  await opened.until(`${isThere} === (() => {
    const canvas = document.querySelector("#map-picture canvas");
    const columns = canvas.clientWidth >= 620 ? 512 : 256, rows = 65536 / columns;
    const x = Math.floor((${port} % columns + 0.5) / columns * canvas.width);
    const y = Math.floor((Math.floor(${port} / columns) + 0.5) / rows * canvas.height);
    const brush = new OffscreenCanvas(1, 1).getContext("2d");
    brush.drawImage(canvas, x, y, 1, 1, 0, 0, 1, 1);
    const colour = [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
    const wanted = getComputedStyle(canvas).getPropertyValue("--map-${state}").trim();
    return "#" + colour.map((part) => part.toString(16).padStart(2, "0")).join("") === wanted;
  })()`);
}

/** Where a port is in the picture of so many columns, from its upper left corner. */
async function placeOf({ page }: WatchedPage, port: number) {
  const { x, y, width, height } = (await page.locator("#map-picture canvas").boundingBox())!;
  const columns = width >= 620 ? 512 : 256;
  return {
    x: x + (port % columns + 0.5) / columns * width,
    y: y + (Math.floor(port / columns) + 0.5) / (65_536 / columns) * height,
  };
}

osTest(
  "the map of all ports is read by keys and pointer, and follows the leases",
  [linux, CHROMIUM],
  async (t) => {
    await using installation = await Installation.create();
    await using daemon = await ServedDaemon.start(installation);
    await using browser = await Chromium.launch();
    const { origin } = new URL(daemon.url);
    const [port, second] = [24_681, 28_001];
    await call(daemon.url, "POST", "/leases", { name: "web", project: "shop", port, protocols: ["tcp"], ...PINNED });
    await call(daemon.url, "POST", "/leases", { port: second, protocols: ["udp"], ...PINNED });
    const strangerPort = freePort();
    using _stranger = listen(strangerPort);
    await using opened = await browser.open({ viewport: { width: 1280, height: 900 } });
    const { page } = opened;
    await page.goto(origin);
    await page.waitForSelector("#map-ports span");

    await t.step("keys move the cursor, to the next port in use too, and Enter shows the port", async () => {
      await page.focus("#map-picture");
      await page.keyboard.press("Home");
      await waitForReadout(opened, "Port 0: no port");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowDown");
      await waitForReadout(opened, "Port 513: free");
      for (let presses = 0; presses < MOST_IN_USE && !(await readout(opened))!.startsWith(`Port ${port}:`); presses++) {
        await page.keyboard.press("PageDown");
      }
      assert.equal(
        await readout(opened),
        `Port ${port}: leased, nobody listens – shop/web (TCP), free in the pool (UDP)`,
      );
      await page.keyboard.press("End");
      await waitForReadout(opened, "Port 65535: ");
      await page.keyboard.press("PageUp");
      await page.keyboard.press("Enter");
      await page.waitForSelector("#port-dialog");
      await page.keyboard.press("Escape");
      await page.waitForSelector("#port-dialog", { state: "detached" });
    });

    await t.step("a pointer near a mark means that port, and a click shows it", async () => {
      await page.locator("#map-picture").scrollIntoViewIfNeeded();
      const { x, y } = await placeOf(opened, strangerPort);
      await page.mouse.move(x + 2, y + 2);
      await waitForReadout(opened, `Port ${strangerPort}: used without a lease (TCP)`);
      const place = await placeOf(opened, port);
      await page.mouse.click(place.x - 2, place.y);
      await page.waitForSelector(`#port-dialog :text("Port ${port}")`);
      await page.waitForSelector("#port-content dl");
      await page.keyboard.press("Escape");
    });

    await t.step("the picture has the marks of the protocol that is chosen", async () => {
      await page.mouse.move(0, 0); // the cursor is in nobody's way
      await waitForMark(opened, strangerPort, "used");
      await page.click('#map label:has-text("UDP")');
      await waitForMark(opened, strangerPort, "used", { isThere: false });
      assert.match((await page.textContent("#map-legend"))!, /leased, nobody listens 1/);
      await page.click('#map label:has-text("TCP")');
    });

    await t.step("a lease that is granted appears, and a port is found by its number", async () => {
      const before = await page.textContent("#activity-summary");
      await call(daemon.url, "POST", "/leases", { count: 7, ...PINNED });
      await page.waitForSelector("#map-legend li:has-text('leased, nobody listens'):has(strong:text-is('8'))");
      await opened.until(`document.getElementById("activity-summary").textContent !== ${JSON.stringify(before)}`);
      assert.match((await page.textContent("#activity-summary"))!, /^9 granted, 0 ended and 0 refused/);
      await page.fill("#map-go input", String(second));
      await page.keyboard.press("Enter");
      await page.waitForSelector(`#port-dialog :text("Port ${second}")`);
      await page.keyboard.press("Escape");
    });

    await t.step("the picture fits a phone, and is repainted for a dark one", async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      await opened.until("document.querySelector('#map-picture canvas').clientWidth < 300");
      assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
      await waitForMark(opened, strangerPort, "used");
      const light = await page.evaluate("getComputedStyle(document.body).getPropertyValue('--map-used')");
      await page.emulateMedia({ colorScheme: "dark" });
      await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))");
      assert.notEqual(await page.evaluate("getComputedStyle(document.body).getPropertyValue('--map-used')"), light);
      await waitForMark(opened, strangerPort, "used");
    });
    assert.deepEqual(opened.faults(origin), []);
  },
);
