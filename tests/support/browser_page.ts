/** Asking for a page as a browser does. */
import { HOST, type TestApp } from "./app.ts";

/** What a browser sends with a navigation that a person began. */
export const NAVIGATION: Readonly<Record<string, string>> = {
  host: HOST,
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "sec-fetch-site": "none",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
};

/** A page or a file, read whole. */
export interface BrowserAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Asks for a path as a browser does. @param headers are sent in the place of those of a navigation; empty ones are not sent. */
export async function browse(
  app: Pick<TestApp, "fetch">,
  path = "/",
  headers: Readonly<Record<string, string>> = {},
): Promise<BrowserAnswer> {
  const all = Object.entries({ ...NAVIGATION, ...headers }).filter(([, value]) => value !== "");
  const response = await app.fetch(new Request(`http://${HOST}${path}`, { headers: Object.fromEntries(all) }));
  return { status: response.status, headers: response.headers, text: await response.text() };
}
