// @ts-check
/** All about one port, and what can be done with it: the content of its dialog. Pure. */
import { foreign, h } from "./element.js";
import { mark, portLink, titleOf } from "./lease_row.js";

/**
 * @import { PortDescription, PortSocket } from "../../../src/inspect/description.ts"
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { ReachReport } from "../../../src/reach/reach.ts"
 * @import { Child, Element } from "./element.js"
 * @import { Texts } from "./english.js"
 */

/** @typedef {"release" | "open" | "free"} Step What is asked before it is done. */

/**
 * @typedef {object} PortState
 * @property {PortDescription} port
 * @property {{ readonly step: Step, readonly lease: Lease } | null} asking
 * @property {{ readonly kind: "refusal" | "success" | "note", readonly text: string } | null} result of the last action.
 * @property {ReachReport | null} report of the last check.
 */

/**
 * @param {PortState} state
 * @param {{ readonly texts: Texts, readonly time: (instant: string) => string }} view
 * @returns {Element}
 */
export function portView({ port, asking, result, report }, view) {
  const { texts } = view;
  return h(
    "div",
    { id: "port-content" },
    h("p", { class: "sentence", lang: "en" }, foreign(port.sentence)),
    resultLine(result),
    port.leases.map((lease) => leasePart(lease, { asking, listeners: port.listeners }, view)),
    port.leases.length === 0
      ? h("div", { class: "buttons" }, h("button", { type: "button", "data-do": "take" }, texts.actions.take))
      : null,
    report === null ? null : reportPart(report, texts),
    h("h3", {}, texts.port.listeners),
    port.listeners.length === 0
      ? h("p", {}, texts.port.nobody)
      : h("ul", { class: "listeners" }, port.listeners.map((socket) => h("li", {}, listener(socket, texts)))),
    port.advice.length === 0 ? null : [
      h("h3", {}, texts.port.advice),
      h("ul", { class: "advice", lang: "en" }, port.advice.map((line) => h("li", {}, foreign(line)))),
    ],
  );
}

/** Always there: what speaks to a screen reader must not come and go. @param {PortState["result"]} result */
function resultLine(result) {
  return h("p", { class: result?.kind ?? "note", role: "status" }, result === null ? "" : foreign(result.text));
}

/**
 * @param {Lease} lease
 * @param {{ readonly asking: PortState["asking"], readonly listeners: readonly PortSocket[] }} dialog
 * @param {Parameters<typeof portView>[1]} view
 */
function leasePart(lease, { asking, listeners }, { texts, time }) {
  const { port: words } = texts;
  const { command, cwd, pid, id, user } = lease.holder;
  /** @param {string} name @param {Child} value */
  const fact = (name, value) => [h("dt", {}, name), h("dd", {}, value)];
  const labels = Object.entries(lease.labels).map(([key, value]) => `${key}=${value}`).join(", ");
  return h(
    "section",
    { class: "lease" },
    h("h3", {}, mark(lease.state, texts.states[lease.state]), " ", h("bdi", {}, titleOf(lease)), " ", linkOf(lease)),
    h(
      "dl",
      {},
      fact(words.holder, [
        foreign(id),
        user === null ? null : [", ", foreign(user)],
        pid === null ? null : `, ${texts.pid} ${pid}`,
      ]),
      command === null ? null : fact(words.command, h("code", {}, foreign(command))),
      cwd === null ? null : fact(words.folder, h("code", {}, foreign(cwd))),
      fact(words.lifetime, words.lifetimes[lease.lifetime.kind]),
      fact(words.granted, h("time", { datetime: lease.grantedAt }, time(lease.grantedAt))),
      fact(
        words.expires,
        lease.expiresAt === null ? words.never : h("time", { datetime: lease.expiresAt }, time(lease.expiresAt)),
      ),
      labels === "" ? null : fact(words.labels, foreign(labels)),
    ),
    asking?.lease.id === lease.id ? question(asking.step, { lease, listeners }, texts) : actions(lease, texts),
  );
}

/** @param {Lease} lease */
function linkOf({ port, protocols }) {
  return protocols.includes("tcp") ? portLink(port) : null;
}

/** @param {Lease} lease @param {Texts} texts */
function actions({ id, exposure }, { actions: words }) {
  /** @param {string} name @param {string} text */
  const button = (name, text) => h("button", { type: "button", "data-do": name, "data-lease": id }, text);
  return h(
    "div",
    { class: "buttons", role: "group", "aria-label": words.title },
    button("check", words.check),
    exposure === null ? button("open", words.open) : button("close", words.close),
    button("release", words.release),
    button("free", words.free),
  );
}

/**
 * @param {Step} step
 * @param {{ readonly lease: Lease, readonly listeners: readonly PortSocket[] }} about
 * @param {Texts} texts
 */
function question(step, { lease, listeners }, texts) {
  const { actions: words } = texts;
  const content = step === "open" ? openForm(texts) : step === "free" ? freeQuestion(lease, listeners, texts) : [
    h("p", {}, words.confirmRelease),
  ];
  const yes = step === "open" ? words.openNow : step === "free" ? words.freeNow : words.releaseNow;
  return h(
    "form",
    { class: "question", "data-step": step, "data-lease": lease.id },
    content,
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "submit", class: step === "open" ? "primary" : "danger" }, yes),
      h("button", { type: "button", "data-do": "cancel" }, texts.cancel),
    ),
  );
}

/** @param {Texts} texts @returns {Child} */
function openForm({ actions: words }) {
  /** @param {string} value @param {string} text @param {boolean} checked */
  const choice = (value, text, checked) =>
    h("label", {}, h("input", { type: "radio", name: "remote", value, checked }), ` ${text}`);
  return h(
    "fieldset",
    {},
    h("legend", {}, words.openTo),
    choice("LocalSubnet", words.openLan, true),
    choice("any", words.openAll, false),
    choice("internet", words.openRouter, false),
  );
}

/**
 * @param {Lease} lease
 * @param {readonly PortSocket[]} listeners
 * @param {Texts} texts
 * @returns {Child}
 */
function freeQuestion(lease, listeners, texts) {
  const { actions: words } = texts;
  const own = listeners.filter(({ ofHolder }) => ofHolder === true);
  if (own.length === 0) return [h("p", {}, words.freeNobody)];
  return [
    h("p", {}, h("strong", {}, words.freeAsk(lease.port)), ` ${words.freeWhat}`),
    h("ul", { class: "listeners" }, own.map((socket) => h("li", {}, listener(socket, texts)))),
  ];
}

/** @param {PortSocket} socket @param {Texts} texts @returns {Child} */
function listener({ protocol, localAddress, pid, process, user, ofHolder, reason, lease }, texts) {
  const who = process?.user ?? user ?? null;
  return [
    lease === null ? null : mark(
      ofHolder === true ? "listening" : "conflict",
      ofHolder === true ? texts.port.ofHolder : texts.port.notOfHolder,
    ),
    process?.command ? h("code", {}, foreign(process.command)) : texts.unknownProcess,
    ` ${[...(pid === null ? [] : [`${texts.pid} ${pid}`]), `${protocol} ${localAddress}`].join(", ")}`,
    who === null ? null : [", ", foreign(who)],
    process?.cwd ? [", ", h("code", {}, foreign(process.cwd))] : null,
    reason === null ? null : h("span", { class: "reason", lang: "en" }, foreign(reason)),
  ].flat();
}

/** @param {ReachReport} report @param {Texts} texts */
function reportPart({ layers }, texts) {
  return h(
    "section",
    { class: "report" },
    h(
      "ul",
      {},
      layers.map(({ layer, result, reason, next }) =>
        h(
          "li",
          {},
          mark(`result-${result}`, texts.results[result]),
          h("strong", {}, texts.layers[layer]),
          h("span", { class: "reason", lang: "en" }, foreign(reason), next === null ? null : [" → ", foreign(next)]),
        )
      ),
    ),
  );
}
