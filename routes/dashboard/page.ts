/** The page of the dashboard, as the server renders it. */
import type { Context } from "hono";
import type { Services } from "../../src/daemon/daemon.ts";
import type { Lease } from "../../src/lease/lease.ts";
import type { From } from "../guard.ts";
import type { Assets } from "./assets.ts";
import { type Element, h } from "./browser/element.js";
import { COLUMNS, leaseRow } from "./browser/lease_row.js";
import { LANGUAGES, type Texts } from "./browser/texts.js";
import { PAGE_HEADERS } from "./headers.ts";
import { isLanguage, languageOf } from "./language.ts";
import { renderDocument } from "./render.ts";

/** Leases that the server renders; the browser code adds the others. */
const MOST_ROWS = 200;

/** What the page shows. */
export type PageParts = Pick<Services, "registry" | "status" | "guard">;

/** The page. */
export interface Page {
  readonly answer: (context: Context, from: From) => Response;
}

/** @param assets are the files that it loads. */
export function createPage(parts: PageParts, assets: Assets): Page {
  return {
    answer(context, from) {
      const asked = context.req.query("lang") ?? "";
      const texts = LANGUAGES[isLanguage(asked) ? asked : languageOf(context.req.header("accept-language"))];
      const content = from === "foreign"
        ? [h("p", {}, texts.foreignNavigation), h("p", {}, h("a", { href: "/" }, texts.openHere))]
        : parts.guard.anonymous === "none"
        ? [h("p", {}, texts.tokenNeeded)]
        : overview(parts, texts);
      return new Response(renderDocument(documentOf(content, texts, assets)), { headers: PAGE_HEADERS });
    },
  };
}

function documentOf(content: readonly Element[], texts: Texts, assets: Assets): Element {
  return h(
    "html",
    { lang: texts.language },
    h(
      "head",
      {},
      h("meta", { charset: "utf-8" }),
      h("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      h("meta", { name: "color-scheme", content: "light dark" }),
      h("title", {}, texts.title),
      h("link", { rel: "stylesheet", href: assets.pathOf("style.css") }),
      assets.modules.map((href) => h("link", { rel: "modulepreload", href })),
      h("script", { type: "module", src: assets.pathOf("main.js") }),
    ),
    h("body", {}, h("main", {}, ...content)),
  );
}

/** What is free and what is in conflict, then the leases. */
function overview({ registry, status }: PageParts, texts: Texts): readonly Element[] {
  const { pool, leases: { live = 0, conflict = 0 } } = status();
  const leases = [...registry.written()].sort((a, b) => rank(a) - rank(b) || a.port - b.port).slice(0, MOST_ROWS)
    .map((record) => registry.present(record));
  return [
    h("h1", {}, "portd"),
    h("p", { class: "summary" }, texts.summary(pool.free, pool.size, live, conflict)),
    h(
      "section",
      { id: "leases" },
      h("h2", {}, texts.leases),
      leases.length === 0 ? empty(texts) : table(leases, texts),
    ),
  ];
}

function rank({ state }: Pick<Lease, "state">): number {
  return state === "conflict" ? 0 : 1;
}

function empty(texts: Texts): Element {
  return h("div", { class: "empty" }, h("p", {}, texts.noLeases), h("pre", {}, h("code", {}, "portd lease web")));
}

function table(leases: readonly Lease[], texts: Texts): Element {
  const heads = COLUMNS.map((column) =>
    h("th", { class: column, scope: "col", role: "columnheader" }, texts.columns[column])
  );
  return h(
    "table",
    { role: "table" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
    h("tbody", { role: "rowgroup" }, leases.map((lease) => leaseRow(lease, texts))),
  );
}
