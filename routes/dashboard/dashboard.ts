/**
 * The dashboard, a page for people at `/`: the routes, and when its parts are loaded. page.ts renders it, assets.ts has
 * what the browser loads, and browser/ is what runs there. The views in it render on both sides.
 *
 * What runs in the browser is JavaScript with types in its comments: it is served as it stands. Views, which the server
 * imports too, begin with `@ts-check`; the others know the DOM, and are checked with browser.json, by themselves.
 *
 * Most daemons serve no page, so nothing of it is loaded before the first one is asked for.
 */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { PortdError } from "../../src/errors.ts";
import { guardedPage, type Route } from "../guard.ts";
import type { Assets } from "./assets.ts";
import { json } from "../headers.ts";
import { NoQuery } from "../schema.ts";
import { checkQuery } from "../check.ts";
import type { Page, PageParts } from "./page.ts";

/** The path below which the files for the browser are; a folder with their version follows. */
export const ASSETS_PATH = "/dashboard";

/** The parts of the dashboard, loaded at the first use. */
interface Loaded {
  readonly assets: Assets;
  readonly page: Page;
}

/** The routes of the dashboard: they are no calls of the API. What they answer may change with the page. */
export function dashboardRoutes(parts: PageParts): Dashboard {
  let loading: Promise<Loaded> | undefined;
  const load = () => loading ??= loadDashboard(parts);
  const data = (name: "overview" | "strangers"): Route => ({
    method: "GET",
    path: `${ASSETS_PATH}/${name}`,
    scope: "lease",
    does: "is what the dashboard shows",
    async handle(context) {
      checkQuery(NoQuery, context);
      return json(await (await load()).page[name]());
    },
  });
  return {
    page: guardedPage(async (context, from) => await (await load()).page.answer(context, from), parts.guard),
    routes: [data("overview"), data("strangers"), {
      method: "GET",
      path: `${ASSETS_PATH}/:version/:file`,
      scope: "none",
      does: "is what the dashboard loads",
      handle: async (context) => (await load()).assets.answer(context) ?? notFound(context),
    }],
  };
}

/** The dashboard as the application mounts it. */
export interface Dashboard {
  /** Answers `GET /` to whoever {@linkcode wantsPage}, with a guard of its own. */
  readonly page: Route["handle"];
  readonly routes: readonly Route[];
}

/** Whether a request asks for a page rather than for JSON: a browser names `text/html`, a client of the API does not. */
export function wantsPage(context: Context): boolean {
  const supports = ["application/json", "text/html"];
  return accepts(context, { header: "Accept", supports, default: "application/json" }) === "text/html";
}

async function loadDashboard(parts: PageParts): Promise<Loaded> {
  const { loadAssets }: typeof import("./assets.ts") = await load("assets");
  const { createPage }: typeof import("./page.ts") = await load("page");
  const assets = await loadAssets(ASSETS_PATH);
  return { assets, page: createPage(parts, assets) };
}

/** main.ts says why the import chooses. */
function load(part: "assets" | "page") {
  return import(part === "assets" ? "./assets.ts" : "./page.ts");
}

function notFound({ req }: Context): never {
  throw new PortdError("not_found", `Cannot find ${req.path}: open the dashboard again`, { value: req.path });
}
