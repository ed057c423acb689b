/** Where the page comes to life. Without this it shows what the server has rendered. */
import { LivePage } from "./live_page.js";
import { LANGUAGES } from "./texts.js";

const { documentElement } = document;
documentElement.classList.add("live");
new LivePage(documentElement.lang === "ja" ? LANGUAGES.ja : LANGUAGES.en).start();
