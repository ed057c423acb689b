/** The page of the dashboard as the server renders it; document.ts has the frame around it. */
import type { Context } from "hono";
import type { Services } from "../../src/daemon/daemon.ts";
import type { Lease } from "../../src/lease/lease.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import type { From } from "../guard.ts";
import type { Assets } from "./assets.ts";
import { activitySection } from "./browser/activity.js";
import { type Element, h } from "./browser/element.js";
import type { Texts } from "./browser/english.js";
import { makeView, utcText } from "./browser/facts.js";
import { leaseRow } from "./browser/lease_row.js";
import { networkSection } from "./browser/network.js";
import { DEFAULT_ORDER, orderBy } from "./browser/order.js";
import { mapSection } from "./browser/port_map.js";
import { leasesSection } from "./browser/shell.js";
import { strangersSection } from "./browser/strangers.js";
import { attention, summary } from "./browser/summary.js";
import { LANGUAGES } from "./browser/texts.js";
import type { Overview, Strangers } from "./data.ts";
import { documentOf } from "./document.ts";
import { PAGE_HEADERS } from "./headers.ts";
import { isLanguage, languageOf } from "./language.ts";
import { overviewOf, type OverviewParts } from "./overview.ts";
import { renderDocument } from "./render.ts";
import { shared } from "./shared.ts";
import { readStrangers, type StrangersParts } from "./strangers.ts";

/** Leases that the server renders; the browser code adds the others. */
const MOST_ROWS = 100;

/** What the page shows. */
export type PageParts =
  & OverviewParts
  & StrangersParts
  & Pick<Services, "registry" | "guard" | "clock" | "portMap" | "activity">;

/** The page. */
export interface Page {
  /** @param from says whether a link of another site led here: then the page has no data. */
  readonly answer: (context: Context, from: From) => Promise<Response>;
  /** What the browser code asks for again and again. */
  readonly overview: () => Promise<Overview>;
  readonly strangers: () => Promise<Strangers>;
}

/** @param assets are the files that it loads. */
export function createPage(parts: PageParts, assets: Assets): Page {
  const { clock } = parts;
  const strangers = shared(() => readStrangers(parts), { clock, keepMs: 2000 });
  return {
    overview: shared(() => overviewOf(parts), { clock, keepMs: 500 }),
    strangers,
    async answer({ req }, from) {
      const asked = req.query("lang") ?? "";
      const texts = LANGUAGES[isLanguage(asked) ? asked : languageOf(req.header("accept-language"))];
      const document = from === "foreign"
        ? documentOf([foreignNotice(texts)], { texts, assets, isLive: false })
        : documentOf(await contentOf({ ...parts, strangers }, texts), { texts, assets, isLive: true });
      return new Response(renderDocument(document), { headers: PAGE_HEADERS });
    },
  };
}

function foreignNotice(texts: Texts): Element {
  return h(
    "section",
    { class: "notice" },
    h("p", {}, texts.foreignNavigation),
    h("p", {}, h("a", { href: "/" }, texts.openHere)),
  );
}

/** The sections of the page. Those without data are there too, for the browser code to fill. */
async function contentOf(parts: PageParts & Pick<Page, "strangers">, texts: Texts): Promise<readonly Element[]> {
  if (parts.guard.anonymous === "none") {
    return [
      h("p", { id: "summary", "data-locked": "" }, texts.tokenNeeded),
      h("section", { id: "attention", hidden: true }),
      leasesSection([], { total: 0 }, texts),
      h("section", { id: "strangers" }),
      h("section", { id: "map" }),
      h("section", { id: "activity" }),
      h("section", { id: "network" }),
    ];
  }
  const [overview, strangers, map] = await Promise.all([
    overviewOf(parts),
    parts.strangers(),
    parts.portMap.recent(),
  ]);
  const view = makeView(texts, utcText, overview);
  const { total, first, conflicts } = firstLeases(parts);
  return [
    summary(overview.status.pool, { live: total, conflicts: conflicts.length }, texts),
    attention({ conflicts, strangers: strangers.listeners, overview }, texts),
    leasesSection(first.map((lease) => leaseRow(lease, view)), { total }, texts),
    strangersSection(strangers, texts),
    mapSection(map, texts),
    activitySection(parts.activity.read(), texts),
    networkSection(overview, texts),
  ];
}

/** The leases that are rendered, and those in conflict. Of 50,000 only these are sorted and presented. */
function firstLeases({ registry }: Pick<PageParts, "registry">) {
  let total = 0, first: LeaseRecord[] = [];
  const conflicts: Lease[] = [], order = orderBy(DEFAULT_ORDER);
  const cut = () => first.sort(order).slice(0, MOST_ROWS);
  for (const record of registry.written()) {
    total++;
    if (record.state === "conflict") conflicts.push(registry.present(record));
    first.push(record);
    if (first.length === 10 * MOST_ROWS) first = cut();
  }
  return { total, conflicts, first: cut().map((record) => registry.present(record)) };
}
