// @ts-check
/** The words of the map of all ports and of the plot of the last hour, in every language of the dashboard. */
import { count } from "./english.js";

/**
 * @import { MapState } from "../../../src/inspect/port_map.ts"
 * @typedef {typeof ENGLISH} MapWords
 */

const ENGLISH = {
  /** @type {Readonly<Record<MapState, string>>} */
  states: {
    none: "no port",
    free: "free",
    ephemeral: "handed out by the system",
    pool: "free in the pool",
    quarantined: "withheld for a moment",
    excluded: "excluded",
    used: "used without a lease",
    leased: "leased, nobody listens",
    listening: "leased and listening",
    conflict: "in conflict",
  },
  ranges: {
    system: "needs an administrator",
    other: "only when asked for",
    pool: "the pool",
    ephemeral: "handed out by the system",
  },
  picture: "Map of all ports",
  keys: "Arrow keys move, Page Up and Page Down go to the next port that is not free, Enter shows the port.",
  hint: "Each dot is one port, from 0 at the top left to 65535. Point at one to see what it is, click for details.",
  /** @param {number} port @param {string} tcp @param {string} udp */
  readout: (port, tcp, udp) => tcp === udp ? `Port ${port}: ${tcp}` : `Port ${port}: ${tcp} (TCP), ${udp} (UDP)`,
  protocol: "Protocol",
  goTo: "Port",
  show: "Details",
  usable: "can be had on this line",
  table: "The same as a table",
  tableHeads: {
    ports: "Ports",
    what: "What for",
    leased: "Leased",
    used: "Used without a lease",
    conflict: "In conflict",
    pool: "Free in the pool",
  },
  /** @param {number} tcp @param {number} udp */
  both: (tcp, udp) => tcp === udp ? count(tcp) : `${count(tcp)} TCP, ${count(udp)} UDP`,
  /** @param {number} grants @param {number} releases @param {number} refusals @param {number} minutes */
  happened: (grants, releases, refusals, minutes) =>
    `${count(grants)} granted, ${count(releases)} ended and ${count(refusals)} refused ` +
    (minutes >= 60 ? "in the last hour." : minutes <= 1 ? "in the last minute." : `in the last ${minutes} minutes.`),
  grants: "granted",
  releases: "ended",
  refusals: "refused",
  /** @param {number} minutes */
  ago: (minutes) => `${minutes} min ago`,
  now: "now",
};

/** @type {MapWords} */
const JAPANESE = {
  states: {
    none: "ポートではない",
    free: "空き",
    ephemeral: "OS が自動で割り当て",
    pool: "プールの空き",
    quarantined: "一時的に保留",
    excluded: "除外",
    used: "リースなしで使用中",
    leased: "リース中（待受なし）",
    listening: "リース中（待受中）",
    conflict: "競合",
  },
  ranges: {
    system: "管理者権限が必要",
    other: "番号指定のみ",
    pool: "プール",
    ephemeral: "OS が自動で割り当て",
  },
  picture: "すべてのポートの地図",
  keys: "矢印キーで移動、Page Up と Page Down で空きでない次のポートへ、Enter でポートを表示します。",
  hint:
    "点 1 つがポート 1 つです。左上が 0、右下が 65535 です。ポインターを合わせると状態、クリックすると詳細が出ます。",
  readout: (port, tcp, udp) => tcp === udp ? `ポート ${port}: ${tcp}` : `ポート ${port}: ${tcp}（TCP）、${udp}（UDP）`,
  protocol: "プロトコル",
  goTo: "ポート",
  show: "詳細",
  usable: "この回線で使える",
  table: "表で見る",
  tableHeads: {
    ports: "ポート",
    what: "用途",
    leased: "リース中",
    used: "リースなしで使用中",
    conflict: "競合",
    pool: "プールの空き",
  },
  both: (tcp, udp) => tcp === udp ? count(tcp) : `TCP ${count(tcp)}、UDP ${count(udp)}`,
  happened: (grants, releases, refusals, minutes) =>
    `${minutes >= 60 ? "この 1 時間" : `この ${Math.max(1, minutes)} 分間`}: 割り当て ${count(grants)} 件、` +
    `終了 ${count(releases)} 件、拒否 ${count(refusals)} 件`,
  grants: "割り当て",
  releases: "終了",
  refusals: "拒否",
  ago: (minutes) => `${minutes} 分前`,
  now: "現在",
};

/**
 * The words in a language of the dashboard.
 *
 * @param {{ readonly language: string }} texts
 */
export function mapWords({ language }) {
  return language === "ja" ? JAPANESE : ENGLISH;
}
