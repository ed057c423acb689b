/**
 * The files that the dashboard loads in the browser: they are part of the program, as text. All have one version, the
 * digest of them all, which is in their path: a file at a path never changes, and the modules import each other by
 * relative paths.
 */
import type { Context } from "hono";
import element from "./browser/element.js" with { type: "text" };
import leaseRow from "./browser/lease_row.js" with { type: "text" };
import main from "./browser/main.js" with { type: "text" };
import style from "./browser/style.css" with { type: "text" };
import texts from "./browser/texts.js" with { type: "text" };
import { ASSET_HEADERS } from "./headers.ts";

/** Every file by its name in browser/. */
const FILES: ReadonlyMap<string, string> = new Map([
  ["element.js", element],
  ["lease_row.js", leaseRow],
  ["main.js", main],
  ["style.css", style],
  ["texts.js", texts],
]);

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
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
