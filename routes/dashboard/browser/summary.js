// @ts-check
/** The head of the page: what is free and what is in conflict, in words, and what needs attention. Pure. */
import { foreign, h, visible } from "./element.js";
import { mark, shorten, titleOf } from "./lease_row.js";

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { Overview } from "../data.ts"
 * @import { Stranger } from "../data.ts"
 * @import { Child, Element } from "./element.js"
 * @import { Texts } from "./english.js"
 */

/** Of each kind; the others are counted. */
const MOST_NOTES = 6;

/**
 * The line that says it all.
 *
 * @param {{ readonly size: number, readonly free: number }} pool
 * @param {{ readonly live: number, readonly conflicts: number }} leases
 * @param {Texts} texts
 * @returns {Element}
 */
export function summary({ size, free }, { live, conflicts }, texts) {
  const separator = texts.language === "ja" ? "、" : ", ";
  return h(
    "p",
    { id: "summary" },
    h("span", {}, texts.free(free, size)),
    separator,
    h("span", {}, texts.leased(live)),
    live === 0 ? null : separator,
    live === 0
      ? null
      : conflicts === 0
      ? h("span", {}, texts.conflicts(0))
      : mark("conflict", texts.conflicts(conflicts)),
    texts.language === "ja" ? "。" : ".",
  );
}

/**
 * What a person should know of: conflicts, listeners in the way, warnings of the daemon. Without any it is hidden.
 *
 * @param {{ readonly conflicts: readonly Lease[], readonly strangers: readonly Stranger[],
 * readonly overview: Overview | null }} facts
 * @param {Texts} texts
 * @returns {Element}
 */
export function attention({ conflicts, strangers, overview }, texts) {
  const inTheWay = strangers.filter(({ pooled, name }) => pooled || name !== null);
  const notes = [
    ...few(conflicts, texts, (lease) => conflictNote(lease, texts)),
    ...few(inTheWay, texts, (stranger) => collisionNote(stranger, texts)),
    ...few(warningsOf(overview), texts, (text) => [mark("warning", ""), foreign(text)]),
  ];
  return h(
    "section",
    { id: "attention", "aria-labelledby": "attention-title", hidden: notes.length === 0 },
    h("h2", { id: "attention-title" }, texts.attention),
    h("ul", {}, notes.map((note) => h("li", {}, note))),
  );
}

/** @param {Overview | null} overview */
function warningsOf(overview) {
  if (overview === null) return [];
  return [...new Set([...overview.status.warnings, ...overview.gateway.faults])];
}

/**
 * @template T
 * @param {readonly T[]} all
 * @param {Texts} texts
 * @param {(each: T) => Child} noteOf
 * @returns {readonly Child[]}
 */
function few(all, texts, noteOf) {
  const notes = all.slice(0, MOST_NOTES).map(noteOf);
  return all.length > MOST_NOTES ? [...notes, texts.andMore(all.length - MOST_NOTES)] : notes;
}

/** @param {Lease} lease @param {Texts} texts @returns {Child} */
function conflictNote(lease, texts) {
  const { port, listener } = lease;
  return [
    mark("conflict", texts.states.conflict),
    h("strong", {}, foreign(titleOf(lease))),
    ` ${port}: `,
    foreign(listener?.reason ?? texts.conflictWithout),
  ];
}

/** @param {Stranger} stranger @param {Texts} texts @returns {Child} */
function collisionNote({ port, protocol, name, command, pid }, texts) {
  const who = [
    command === null ? texts.unknownProcess : shorten(command),
    ...(pid === null ? [] : [`${texts.pid} ${pid}`]),
  ].join(", ");
  return [
    mark("warning", ""),
    h("strong", {}, `${port}/${protocol}`),
    ` ${name === null ? texts.collision : texts.takenFrom(visible(name))}: `,
    foreign(who),
  ];
}
