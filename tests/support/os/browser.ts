/**
 * Debian's Chromium, for tests of the dashboard: one browser, and pages that keep what went wrong in them. It reaches
 * this machine only, whatever network the test has.
 */
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { retryUntil } from "../../../src/wait.ts";
import type { Requirement } from "./requirement.ts";
import { tools } from "./requirement.ts";

const PROGRAM = "/usr/bin/chromium";

/** Pages may ask for what lies on this machine, as in browsers that do not guard it: the daemon has to guard itself. */
const ALL_NETWORKS = "--disable-features=LocalNetworkAccessChecks";

/** How long a page may take for anything, in milliseconds: the machine may be busy with other tests. */
const PATIENCE_MS = 60_000;

/** What a test in a browser needs. */
export const CHROMIUM: Requirement = tools("chromium");

/** Options of {@linkcode Chromium.launch}. */
export interface ChromiumOptions {
  /** Names that the browser finds at 127.0.0.1, as if DNS said so. @default none */
  readonly names?: readonly string[];
}

/** A running browser. Disposing of it ends it. */
export class Chromium implements AsyncDisposable {
  readonly #browser: Awaited<ReturnType<typeof chromium.launch>>;

  private constructor(browser: Awaited<ReturnType<typeof chromium.launch>>) {
    this.#browser = browser;
  }

  /** Starts it. Chromium's own sandbox is off: root cannot use it, and the pages are the test's own. */
  static async launch({ names = [] }: ChromiumOptions = {}): Promise<Chromium> {
    const rules = [
      ...names.map((name) => `MAP ${name} 127.0.0.1`),
      "MAP * ~NOTFOUND",
      "EXCLUDE localhost",
      "EXCLUDE 127.0.0.1",
    ];
    const args = ["--no-sandbox", "--no-proxy-server", `--host-resolver-rules=${rules.join(",")}`, ALL_NETWORKS];
    return new Chromium(await chromium.launch({ executablePath: PROGRAM, args, timeout: PATIENCE_MS }));
  }

  /** A new page in a profile of its own: no cookie, storage or cache of another one. */
  async open(options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const context = await this.#browser.newContext(options);
    context.setDefaultTimeout(PATIENCE_MS);
    return await WatchedPage.watch(context);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** A page and whatever it opens, from the beginning. Disposing of it closes its profile. */
export class WatchedPage implements AsyncDisposable {
  readonly page: Page;
  /** What pages wrote to the console as an error or a warning; also refusals by a content security policy. */
  readonly consoleErrors: string[] = [];
  /** Errors of scripts that nobody caught. */
  readonly pageErrors: string[] = [];
  /** Origins of all requests of frames, scripts, images and the like. */
  readonly origins = new Set<string>();
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
  }

  /** The first page of a context. */
  static async watch(context: BrowserContext): Promise<WatchedPage> {
    const watched = new WatchedPage(context, await context.newPage());
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) watched.consoleErrors.push(message.text());
    });
    context.on("weberror", (error) => watched.pageErrors.push(String(error.error())));
    context.on("request", (request) => watched.origins.add(new URL(request.url()).origin));
    return watched;
  }

  /**
   * Waits until an expression is true in the page. It is asked for from here: the page's content security policy refuses
   * what Playwright's `waitForFunction` does in the page when a first try is not true.
   *
   * @throws {Error} when it has not become true within a minute.
   */
  async until(expression: string): Promise<void> {
    const isTrue = async () => await this.page.evaluate(`Boolean(${expression})`) === true;
    if (await retryUntil(isTrue, { pauseMs: 50, limitMs: 60_000 })) return;
    throw new Error(`Cannot wait any longer until ${expression}`);
  }

  /** Refusals by a content security policy, which Chromium writes to the console. */
  get violations(): readonly string[] {
    return this.consoleErrors.filter((text) => text.includes("Content Security Policy"));
  }

  /** Everything that should not have happened on a page that is served from this origin alone. */
  faults(origin: string): readonly string[] {
    const strangers = [...this.origins].filter((each) => each !== origin).map((each) => `request to ${each}`);
    return [...this.consoleErrors, ...this.pageErrors, ...strangers];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}
