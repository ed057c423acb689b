/** The dashboard with 3,000 leases in a real Chromium, against the same document without its scripts. */
import { type Browser, chromium, type Page } from "playwright-core";
import { interleave } from "../rounds.ts";
import type { Line, Outcome, Row, Target } from "../row.ts";
import { fill, startDaemon } from "../servers.ts";
import { ratiosOf, spreadOf } from "../statistics.ts";
import { CHROMIUM } from "../tools.ts";
import type { Workbench } from "../workbench.ts";

export const page: Row = { name: "page", tools: [CHROMIUM], measure };

const LEASES = 3000, ROUNDS = 5;
/** The page is interactive when for so long nothing has blocked it. */
const QUIET_MS = 1000;
const SCROLL_MS = 3000, STEP_PX = 40;
const SIZE = { width: 1280, height: 800 };

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  await fill(daemon.client, LEASES);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const url = `http://127.0.0.1:${daemon.port}/`;
  try {
    const text = await wholePage(browser, url);
    await using floor = serveText(text, url);
    const floorUrl = `http://127.0.0.1:${floor.addr.port}/`;
    const rounds = await interleave(ROUNDS, { ours: () => visit(browser, url), floor: () => visit(browser, floorUrl) });
    return {
      lines: [
        line("until interactive", rounds, ({ interactiveMs }) => interactiveMs, {
          unit: "ms",
          target: { of: "portd", bound: "at most", value: 1000 },
        }),
        // How many frames this machine can draw, which may have no graphics card, the floor says.
        line("while all of them scroll", rounds, ({ framesPerSecond }) => framesPerSecond, {
          unit: "frames/s",
          target: { of: "ratio", bound: "at least", value: 0.9 },
        }),
        line("the slowest of 20 frames", rounds, ({ slowFrameMs }) => slowFrameMs, { unit: "ms" }),
      ],
      notes: [
        `with all rows the page has ${text.length.toLocaleString("en")} characters; Chromium ${browser.version()}`,
      ],
    };
  } finally {
    await browser.close();
  }
}

interface Visit {
  /** From the start of the navigation until the last task of more than 50 ms has ended, or the document is there. */
  readonly interactiveMs: number;
  readonly framesPerSecond: number;
  /** 95 of 100 frames come sooner after the one before. */
  readonly slowFrameMs: number;
}

async function visit(browser: Browser, url: string): Promise<Visit> {
  const context = await browser.newContext({ viewport: SIZE });
  try {
    const tab = await context.newPage();
    await tab.addInitScript(watchLongTasks);
    await tab.goto(url, { waitUntil: "load" });
    const interactiveMs = await tab.evaluate(whenInteractive, QUIET_MS);
    await showAll(tab);
    const frames = await tab.evaluate(scroll, { ms: SCROLL_MS, step: STEP_PX });
    const sorted = frames.toSorted((a, b) => a - b);
    const totalMs = frames.reduce((sum, each) => sum + each, 0);
    return {
      interactiveMs,
      framesPerSecond: 1000 * frames.length / totalMs,
      slowFrameMs: sorted[Math.floor(0.95 * sorted.length)]!,
    };
  } finally {
    await context.close();
  }
}

/** The page with a row for each lease, without its scripts. */
async function wholePage(browser: Browser, url: string): Promise<string> {
  const tab = await browser.newPage();
  await tab.goto(url, { waitUntil: "load" });
  await tab.locator("#connection.live").waitFor();
  await showAll(tab);
  const text = await tab.content();
  await tab.close();
  return text.replaceAll(/<script\b[^]*?<\/script>/g, "").replace("more-rows", "no-more-rows");
}

/** Has the page make all rows, which it does frame by frame. */
async function showAll(tab: Page): Promise<void> {
  const rows = tab.locator("#lease-table tbody tr"), button = tab.locator("#more-rows:visible");
  for (let now = await rows.count(); now < LEASES; now = await rows.count()) {
    if (await button.count() > 0) await button.click();
    await tab.waitForFunction(moreRowsThan, now);
  }
}

/** In the page. */
function moreRowsThan(count: number): boolean {
  const { document } = globalThis as unknown as { document: { querySelectorAll(query: string): { length: number } } };
  return document.querySelectorAll("#lease-table tbody tr").length > count;
}

/** In the page, before its scripts: remembers when the last long task has ended. */
function watchLongTasks(): void {
  const page = globalThis as { lastTaskMs?: number };
  page.lastTaskMs = 0;
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) page.lastTaskMs = startTime + duration;
  }).observe({ type: "longtask", buffered: true });
}

/** In the page: when it was interactive, in milliseconds since the navigation has begun. */
async function whenInteractive(quietMs: number): Promise<number> {
  const page = globalThis as { lastTaskMs?: number };
  const [navigation] = performance.getEntriesByType("navigation");
  const { domContentLoadedEventEnd } = navigation as unknown as { readonly domContentLoadedEventEnd: number };
  const last = () => Math.max(domContentLoadedEventEnd, page.lastTaskMs ?? 0);
  while (performance.now() - last() < quietMs) await new Promise((resolve) => setTimeout(resolve, 100));
  return last();
}

/** In the page: scrolls a step in each frame. @returns how long each took, in milliseconds. */
async function scroll({ ms, step }: { readonly ms: number; readonly step: number }): Promise<number[]> {
  const { requestAnimationFrame, scrollBy } = globalThis as unknown as {
    readonly requestAnimationFrame: (call: (at: number) => void) => void;
    readonly scrollBy: (x: number, y: number) => void;
  };
  const nextFrame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
  const frames: number[] = [];
  let before = await nextFrame();
  for (const end = before + ms; before < end;) {
    scrollBy(0, step);
    const at = await nextFrame();
    frames.push(at - before);
    before = at;
  }
  return frames;
}

/** Serves the text, and the files that it names from where it comes. */
function serveText(text: string, source: string): Deno.HttpServer<Deno.NetAddr> {
  const headers = { "content-type": "text/html; charset=utf-8" };
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    return pathname === "/" ? new Response(text, { headers }) : await fetch(new URL(pathname, source));
  });
}

function line(
  what: string,
  { ours, floor }: { readonly ours: readonly Visit[]; readonly floor: readonly Visit[] },
  of: (visit: Visit) => number,
  { unit, target }: { readonly unit: string; readonly target?: Target },
): Line {
  return {
    what: `dashboard with ${LEASES.toLocaleString("en")} leases, ${what}`,
    portd: { ...spreadOf(ours.map(of)), unit },
    other: { ...spreadOf(floor.map(of)), unit, what: "without scripts" },
    ratio: spreadOf(ratiosOf(ours.map(of), floor.map(of))),
    ...(target && { target }),
  };
}
