/** The sheet as one HTML document to be printed: no script, nothing loaded from elsewhere. Pure. */
import { escapeControls } from "../escape.ts";
import type { Entry, Part, Sheet } from "./sheet.ts";

/** The style of every sheet. */
export const STYLE = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { max-width: 46rem; margin: 0 auto; padding: 1.5rem; color: #1a1a1a; background: #fff;
  font: 1rem/1.6 system-ui, "Hiragino Sans", "Yu Gothic UI", Meiryo, "Noto Sans CJK JP", "Noto Sans JP", sans-serif; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.3; }
h2 { display: flex; gap: .6rem; align-items: center; margin: 1.6rem 0 .4rem; padding-bottom: .25rem;
  border-bottom: 2px solid #1a1a1a; font-size: 1.15rem; break-after: avoid; }
h2::before { content: ""; flex: none; width: 1rem; height: 1rem; border: 2px solid #1a1a1a; border-radius: 2px; }
p { margin: .4rem 0; }
section > p { break-after: avoid; }
.subtitle { margin: .2rem 0 .8rem; font-weight: 600; }
table { width: 100%; margin: .6rem 0; border-collapse: collapse; break-inside: avoid; }
th, td { padding: .35rem .6rem; border: 1px solid #767676; text-align: left; vertical-align: top; }
th { background: #f1f1f1; font-weight: 500; overflow-wrap: anywhere; }
th[scope="row"] { width: 36%; }
td { font-weight: 600; overflow-wrap: anywhere; }
.corner { border-color: transparent #767676 #767676 transparent; }
pre { margin: .4rem 0 .8rem; padding: .6rem .8rem; border: 1px solid #bbb; background: #f7f7f7; white-space: pre-wrap;
  overflow-wrap: anywhere; font: .85rem/1.5 ui-monospace, Consolas, "Noto Sans Mono CJK JP", monospace; }
.way { break-inside: avoid; }
@page { size: A4; margin: 14mm; }
@media print {
  body { max-width: none; padding: 0 1px; font-size: 10pt; line-height: 1.45; }
  th, td { padding: .2rem .6rem; }
  h2 { margin-top: 1.1rem; }
  pre { padding: .4rem .6rem; }
  th, pre { background: none; }
}
`;

/** SHA-256 of {@linkcode STYLE} in base64: the policy lets nothing else in. A test compares. */
export const STYLE_HASH = "sha256-W+3Jh2zkF6eDeYierPEdfBG0KMfPdPitOdlOQGkC7GA=";

const POLICY = `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/** The sheet. Every value is escaped. */
export function sheetHtml({ language, title, subtitle, text, parts }: Sheet): string {
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(`${title}: ${subtitle}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
<p class="subtitle">${escape(subtitle)}</p>
${text.map(paragraph).join("\n")}
${parts.map((part, i) => partHtml(part, i + 1)).join("\n")}
</body>
</html>
`;
}

function partHtml({ title, text, entries, ways }: Part, number: number): string {
  return [
    "<section>",
    `<h2>${number}. ${escape(title)}</h2>`,
    ...text.map(paragraph),
    ...tablesOf(entries),
    ...ways.map(({ text, commands }) =>
      `<div class="way">\n${[paragraph(text), ...preformatted(commands)].join("\n")}\n</div>`
    ),
    "</section>",
  ].join("\n");
}

/** Entries side by side, as they differ in few fields; more than these stand below each other. */
const MOST_BESIDE = 3;

function tablesOf(entries: readonly Entry[]): readonly string[] {
  const starts = entries.flatMap((_, i) => i % MOST_BESIDE === 0 ? [i] : []);
  return starts.map((start) => tableHtml(entries.slice(start, start + MOST_BESIDE)));
}

/** All entries of a part have the same labels. */
function tableHtml(entries: readonly Entry[]): string {
  const head = entries.map(({ title }) => `<th scope="col">${escape(title)}</th>`).join("");
  const rows = entries[0]!.fields.map(([label], i) => {
    const values = entries.map(({ fields }) => `<td>${escape(fields[i]![1])}</td>`).join("");
    return `<tr><th scope="row">${escape(label)}</th>${values}</tr>`;
  });
  const isNamed = entries.some(({ title }) => title !== "");
  return ["<table>", ...(isNamed ? [`<tr><td class="corner"></td>${head}</tr>`] : []), ...rows, "</table>"].join("\n");
}

function preformatted(commands: readonly string[]): readonly string[] {
  return commands.length === 0 ? [] : [`<pre>${commands.map(escape).join("\n")}</pre>`];
}

function paragraph(text: string): string {
  return `<p>${escape(text)}</p>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return escapeControls(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}
