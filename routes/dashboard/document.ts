/** The document around the content of the page: its head, the bar at the top, the dialogs and the foot. */
import type { Assets } from "./assets.ts";
import { type Element, h } from "./browser/element.js";
import type { Texts } from "./browser/english.js";
import { VERSION } from "../../src/version.ts";

/** Options of {@linkcode documentOf}. */
export interface DocumentOptions {
  readonly texts: Texts;
  /** The files that it loads. */
  readonly assets: Assets;
  /** Whether scripts run on it. */
  readonly isLive: boolean;
}

/** The whole document. @param content is what stands in its main part. */
export function documentOf(content: readonly Element[], { texts, assets, isLive }: DocumentOptions): Element {
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
      h("link", { rel: "icon", type: "image/svg+xml", href: assets.pathOf("icon.svg") }),
      h("link", { rel: "stylesheet", href: assets.pathOf("style.css") }),
      h("link", { rel: "stylesheet", href: assets.pathOf("pictures.css") }),
      isLive ? assets.modules.map((href) => h("link", { rel: "modulepreload", href })) : null,
      isLive ? h("script", { type: "module", src: assets.pathOf("main.js") }) : null,
    ),
    h("body", {}, topBar(texts, isLive), h("main", {}, content), foot(texts)),
  );
}

function topBar(texts: Texts, isLive: boolean): Element {
  const state = h("span", { id: "connection", class: "mark static", role: "status" }, texts.connection.static);
  return h(
    "header",
    { class: "top" },
    h("h1", {}, "portd", h("span", {}, ` ${texts.ports}`)),
    isLive ? state : null,
    isLive ? h("button", { id: "token", type: "button", class: "scripted" }, texts.token.enter) : null,
    isLive ? h("noscript", {}, h("p", {}, texts.noScript)) : null,
    h("p", { id: "announcer", class: "unseen", role: "status" }),
  );
}

function foot(texts: Texts): Element {
  const other = texts.language === "ja" ? "en" : "ja";
  return h(
    "footer",
    {},
    h("span", {}, `portd ${VERSION}`),
    h("a", { href: "/v1", rel: "noreferrer noopener" }, texts.documentation),
    h("a", { href: `/?lang=${other}`, lang: other, hreflang: other }, texts.otherLanguage),
  );
}
