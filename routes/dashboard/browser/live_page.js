/** The page while it lives: what is shown follows the daemon, and what people press is done. */
import { activitySection } from "./activity.js";
import { createApi, leasePages, Refusal } from "./api.js";
import { Credentials } from "./credentials.js";
import { byId, put } from "./dom.js";
import { makeView } from "./facts.js";
import { LeaseTable } from "./lease_table.js";
import { follow } from "./live.js";
import { MapPicture } from "./map_picture.js";
import { networkSection } from "./network.js";
import { showLeaseForm } from "./new_lease.js";
import { PortDialog } from "./port_dialog.js";
import { takeCode } from "./session.js";
import { listenToSort } from "./sorting.js";
import { strangersSection } from "./strangers.js";
import { attention, summary } from "./summary.js";
import { localTime } from "./times.js";

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { Overview } from "../data.ts"
 * @import { Strangers } from "../data.ts"
 * @import { Connection } from "./live.js"
 */

/** The rest of the page is at most so old while it is looked at. */
const REFRESH_MS = 15_000;
/** After events it is asked for again, at most so often. */
const REFRESH_PAUSE_MS = 2000;
/** A tab that nobody looks at leaves its connection to others after this time: a browser has six for a server. */
const HIDDEN_MS = 30_000;

export class LivePage {
  #texts;
  #api = createApi();
  #time = localTime(document.documentElement.lang);
  /** @type {Overview | null} */
  #overview = null;
  /** @type {Strangers | null} */
  #strangers = null;
  /** @type {string | null} */
  #lastId = null;
  #picture;
  #stream = new AbortController();
  #credentials;
  #table;
  #portDialog;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #refreshTimer;
  #refreshedAt = -Infinity;

  /** @param {import("./english.js").Texts} texts */
  constructor(texts) {
    this.#texts = texts;
    this.#credentials = new Credentials({
      api: this.#api,
      texts,
      onEntered: () => this.#unlock(),
      tokenFile: () => this.#tokenFile(),
    });
    this.#table = new LeaseTable(makeView(texts, this.#time, null), () => this.#showCounts());
    this.#picture = new MapPicture(texts, () => this.#table.leases.values());
    this.#portDialog = new PortDialog({
      texts,
      time: this.#time,
      api: this.#api,
      credentials: this.#credentials,
      announce,
      take: (port) => this.#showLeaseForm(port),
    });
  }

  start() {
    for (const element of document.querySelectorAll("time")) element.textContent = this.#time(element.dateTime);
    this.#listen();
    addEventListener("hashchange", () => this.#openSession());
    if ("locked" in byId("summary").dataset) this.#lock();
    else {
      this.#openSession();
      this.#begin();
    }
  }

  #begin() {
    this.#follow();
    this.#refresh();
    setInterval(() => this.#refreshSoon(), REFRESH_MS);
  }

  /** The daemon shows nothing without the token. */
  async #lock() {
    this.#showConnection("locked");
    if (!await this.#openSession()) await this.#credentials.enter();
  }

  /** Opens the session of `portd dashboard` where the address has its code. @returns whether it has opened one. */
  async #openSession() {
    const code = takeCode();
    return code !== null && await this.#credentials.openSession(code, announce);
  }

  /** Goes on with the token where it was missing. */
  #unlock() {
    if (!byId("connection").classList.contains("locked")) return;
    if (this.#refreshedAt === -Infinity) return this.#begin();
    this.#follow();
    this.#refresh();
  }

  /** The daemon says where its state is to whoever may see leases. */
  #tokenFile() {
    const folder = this.#overview?.status.stateDir;
    return folder === undefined ? null : `${folder}${folder.includes("\\") ? "\\" : "/"}admin.token`;
  }

  /** What people do. */
  #listen() {
    document.addEventListener("click", ({ target }) => {
      const button = /** @type {Element} */ (target).closest("[data-inspect]");
      if (button instanceof HTMLElement) this.#portDialog.open(Number(button.dataset.inspect));
    });
    // The map of all ports asks for one this way.
    document.addEventListener("portd:inspect", (event) => {
      this.#portDialog.open(/** @type {CustomEvent<number>} */ (event).detail);
    });
    byId("new-lease").addEventListener("click", () => this.#showLeaseForm(null));
    byId("more-rows").addEventListener("click", () => this.#table.showMore());
    const filter = /** @type {HTMLInputElement} */ (byId("filter"));
    filter.addEventListener("input", () => this.#table.filter(filter.value));
    listenToSort(this.#table);
    this.#watchVisibility();
  }

  #watchVisibility() {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => this.#stream.abort(), HIDDEN_MS);
      else if (this.#stream.signal.aborted) this.#follow();
    });
  }

  /** Follows the events from now on, or from the last one on. */
  #follow() {
    this.#stream.abort();
    this.#stream = new AbortController();
    let isKnown = this.#lastId !== null && this.#table.leases.size > 0;
    follow({
      api: this.#api,
      lastId: this.#lastId,
      signal: this.#stream.signal,
      onEvent: (event, id) => {
        this.#lastId = id;
        if (event.type === "reset") this.#readLeases();
        else this.#take(event);
      },
      onState: (state) => {
        if (state === "locked" && this.#credentials.drop()) return this.#follow();
        this.#showConnection(state);
        if (state !== "live") return;
        if (!isKnown || this.#lastId === null) this.#readLeases();
        isKnown = true;
      },
    });
  }

  /** @param {any} event */
  #take(event) {
    const { lease, listener } = event;
    if (lease !== undefined) {
      if (lease.endedAt === null) this.#table.set(lease);
      else this.#table.delete(lease.id);
    }
    const port = lease?.port ?? listener?.localPort;
    if (port !== undefined) this.#portDialog.touch(port);
    this.#refreshSoon();
  }

  /** Reads all leases. What the stream brings meanwhile is newer than what is read, and stays. */
  async #readLeases() {
    try {
      /** @type {Map<string, Lease>} */
      const read = new Map();
      const before = new Map(this.#table.leases);
      for await (const page of leasePages(this.#api)) for (const lease of page) read.set(lease.id, lease);
      for (const [id, lease] of this.#table.leases) if (before.get(id) !== lease) read.set(id, lease);
      for (const id of before.keys()) if (!this.#table.leases.has(id)) read.delete(id);
      this.#table.replace(read);
    } catch (error) {
      this.#report(error);
    }
  }

  #refreshSoon() {
    if (this.#refreshTimer !== undefined || document.hidden) return;
    const pauseMs = Math.max(0, this.#refreshedAt + REFRESH_PAUSE_MS - performance.now());
    this.#refreshTimer = setTimeout(() => this.#refresh(), pauseMs);
  }

  /** Reads everything but the leases. */
  async #refresh() {
    try {
      const [overview, strangers, map, activity] = await Promise.all([
        this.#api.call("GET", "/dashboard/overview"),
        this.#api.call("GET", "/dashboard/strangers"),
        this.#api.call("GET", "/v1/ports/map"),
        this.#api.call("GET", "/v1/activity"),
      ]);
      this.#overview = overview;
      this.#strangers = strangers;
      this.#table.look(makeView(this.#texts, this.#time, overview));
      put(strangersSection(strangers, this.#texts));
      this.#picture.show(map);
      put(activitySection(activity, this.#texts));
      put(networkSection(overview, this.#texts));
      this.#showCounts();
    } catch (error) {
      this.#report(error);
    } finally {
      this.#refreshTimer = undefined;
      this.#refreshedAt = performance.now();
    }
  }

  /** What follows from the number of leases and their states. */
  #showCounts() {
    const { leases, counts: { listed, left } } = this.#table;
    if (this.#overview === null || !this.#table.isKnown) return;
    const conflicts = [...leases.values()].filter(({ state }) => state === "conflict");
    const { status: { pool } } = this.#overview;
    const counts = { live: leases.size, conflicts: conflicts.length };
    put(summary(pool, counts, this.#texts));
    const strangers = this.#strangers?.listeners ?? [];
    put(attention({ conflicts, strangers, overview: this.#overview }, this.#texts));
    const isNone = leases.size === 0;
    byId("no-leases").hidden = !isNone;
    byId("lease-table").hidden = isNone;
    byId("no-match").hidden = isNone || listed > 0;
    const more = byId("more-rows");
    more.hidden = left === 0;
    more.textContent = this.#texts.showMore(left);
  }

  /** @param {Connection} state */
  #showConnection(state) {
    const element = byId("connection");
    element.className = `mark ${state}`;
    element.textContent = this.#texts.connection[state];
  }

  /** @param {number | null} port */
  #showLeaseForm(port) {
    const texts = this.#texts;
    showLeaseForm({
      texts,
      port,
      lease: async (request) => {
        try {
          const lease = await this.#credentials.call("POST", "/v1/leases", request);
          announce(texts.form.done(lease.name ?? "", lease.port));
          return null;
        } catch (error) {
          return error instanceof Refusal ? error.message : texts.actions.failed;
        }
      },
    });
  }

  /** A failure to read: without a token that is refused the page goes on. @param {unknown} error */
  #report(error) {
    const isLocked = error instanceof Refusal && error.wantsToken;
    if (isLocked && this.#credentials.drop()) return this.#follow();
    this.#showConnection(isLocked ? "locked" : "lost");
  }
}

/** Says something to a screen reader, and shows it for a while. @param {string} text */
function announce(text) {
  byId("announcer").textContent = text;
}
