/**
 * The files that the dashboard loads in the browser: they are part of the program, as text. All have one version, the
 * digest of them all, which is in their path: a file at a path never changes, and the modules import each other by
 * relative paths.
 */
import type { Context } from "hono";
import activity from "./browser/activity.js" with { type: "text" };
import api from "./browser/api.js" with { type: "text" };
import credentials from "./browser/credentials.js" with { type: "text" };
import dialog from "./browser/dialog.js" with { type: "text" };
import dom from "./browser/dom.js" with { type: "text" };
import element from "./browser/element.js" with { type: "text" };
import english from "./browser/english.js" with { type: "text" };
import facts from "./browser/facts.js" with { type: "text" };
import icon from "./browser/icon.svg" with { type: "text" };
import japanese from "./browser/japanese.js" with { type: "text" };
import leaseRow from "./browser/lease_row.js" with { type: "text" };
import leaseTable from "./browser/lease_table.js" with { type: "text" };
import live from "./browser/live.js" with { type: "text" };
import livePage from "./browser/live_page.js" with { type: "text" };
import main from "./browser/main.js" with { type: "text" };
import mapPaint from "./browser/map_paint.js" with { type: "text" };
import mapPicture from "./browser/map_picture.js" with { type: "text" };
import mapWords from "./browser/map_words.js" with { type: "text" };
import network from "./browser/network.js" with { type: "text" };
import newLease from "./browser/new_lease.js" with { type: "text" };
import order from "./browser/order.js" with { type: "text" };
import pictures from "./browser/pictures.css" with { type: "text" };
import portDialog from "./browser/port_dialog.js" with { type: "text" };
import portMap from "./browser/port_map.js" with { type: "text" };
import portView from "./browser/port_view.js" with { type: "text" };
import session from "./browser/session.js" with { type: "text" };
import shell from "./browser/shell.js" with { type: "text" };
import sorting from "./browser/sorting.js" with { type: "text" };
import strangers from "./browser/strangers.js" with { type: "text" };
import style from "./browser/style.css" with { type: "text" };
import summary from "./browser/summary.js" with { type: "text" };
import texts from "./browser/texts.js" with { type: "text" };
import times from "./browser/times.js" with { type: "text" };
import tokenDialog from "./browser/token_dialog.js" with { type: "text" };
import { ASSET_HEADERS } from "./headers.ts";

/** Every file by its name in browser/. */
const FILES: ReadonlyMap<string, string> = new Map([
  ["activity.js", activity],
  ["api.js", api],
  ["credentials.js", credentials],
  ["dialog.js", dialog],
  ["dom.js", dom],
  ["element.js", element],
  ["english.js", english],
  ["facts.js", facts],
  ["icon.svg", icon],
  ["japanese.js", japanese],
  ["lease_row.js", leaseRow],
  ["lease_table.js", leaseTable],
  ["live.js", live],
  ["live_page.js", livePage],
  ["main.js", main],
  ["map_paint.js", mapPaint],
  ["map_picture.js", mapPicture],
  ["map_words.js", mapWords],
  ["network.js", network],
  ["new_lease.js", newLease],
  ["order.js", order],
  ["pictures.css", pictures],
  ["port_dialog.js", portDialog],
  ["port_map.js", portMap],
  ["port_view.js", portView],
  ["session.js", session],
  ["shell.js", shell],
  ["sorting.js", sorting],
  ["strangers.js", strangers],
  ["style.css", style],
  ["summary.js", summary],
  ["texts.js", texts],
  ["times.js", times],
  ["token_dialog.js", tokenDialog],
]);

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** The files, at their paths. */
export interface Assets {
  /** The path of a file. @throws {Error} where there is none of that name. */
  readonly pathOf: (name: string) => string;
  /** The modules that the page loads beside its first one, so that the browser need not find them one after the other. */
  readonly modules: readonly string[];
  /** The file that a request asks for; `undefined` where there is none, also of another version. */
  readonly answer: (context: Context) => Response | undefined;
}

/** Reckons the version. @param path is the one below which the files are. */
export async function loadAssets(path: string): Promise<Assets> {
  const version = await digest(JSON.stringify([...FILES]));
  const pathOf = (name: string) => {
    if (!FILES.has(name)) throw new Error(`Cannot find ${name} among the files of the dashboard`);
    return `${path}/${version}/${name}`;
  };
  return {
    pathOf,
    modules: [...FILES.keys()].filter((name) => name.endsWith(".js") && name !== "main.js").map(pathOf),
    answer({ req }) {
      const { version: asked, file = "" } = req.param() as { readonly version?: string; readonly file?: string };
      const text = FILES.get(file);
      if (text === undefined || asked !== version) return undefined;
      const etag = `"${version}"`;
      const headers = { ...ASSET_HEADERS, etag, "content-type": TYPES[file.slice(file.lastIndexOf(".") + 1)]! };
      const isKnown = req.header("if-none-match")?.split(",").some((each) => each.trim() === etag) === true;
      return isKnown ? new Response(null, { status: 304, headers }) : new Response(text, { headers });
    },
  };
}

/** 80 bits of the SHA-256 of a text, as hexadecimal digits. */
async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...bytes.subarray(0, 10)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
