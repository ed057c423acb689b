// @ts-check
/** The words of the dashboard, in every language that it speaks. Views and browser code take one of these tables. */

/** @typedef {typeof ENGLISH} Texts */

const ENGLISH = {
  /** @type {string} For the attribute `lang`. */
  language: "en",
  title: "portd: the ports of this machine",
  /** @param {number} free @param {number} size @param {number} live @param {number} conflicts */
  summary: (free, size, live, conflicts) =>
    `${count(free)} of ${count(size)} ports are free, ${live === 1 ? "1 is" : `${count(live)} are`} leased, ` +
    (conflicts === 0 ? "none is in conflict." : `${count(conflicts)} ${conflicts === 1 ? "is" : "are"} in conflict.`),
  leases: "Leases",
  noLeases: "No port is leased yet. This leases one for the project in the current folder:",
  columns: {
    name: "Service",
    port: "Port",
    address: "Address",
    state: "State",
    process: "Process",
    since: "Since",
  },
  states: {
    granted: "granted",
    listening: "listening",
    idle: "idle",
    conflict: "conflict",
    released: "released",
    revoked: "revoked",
    expired: "expired",
  },
  unnamed: "no name",
  foreignNavigation: "A page of another site has sent you here, so nothing is shown yet.",
  openHere: "Show the dashboard",
  tokenNeeded: "This daemon shows nothing without its token.",
};

/** @type {Texts} */
const JAPANESE = {
  language: "ja",
  title: "portd: このマシンのポート",
  summary: (free, size, live, conflicts) =>
    `${count(size)} 個のポートのうち ${count(free)} 個が空き、${count(live)} 個がリース中、` +
    (conflicts === 0 ? "競合はありません。" : `${count(conflicts)} 個が競合しています。`),
  leases: "リース",
  noLeases: "リース中のポートはまだありません。現在のフォルダーのプロジェクトにポートをリースするには:",
  columns: {
    name: "サービス",
    port: "ポート",
    address: "アドレス",
    state: "状態",
    process: "プロセス",
    since: "開始",
  },
  states: {
    granted: "割当済み",
    listening: "待受中",
    idle: "停止中",
    conflict: "競合",
    released: "返却済み",
    revoked: "取消済み",
    expired: "期限切れ",
  },
  unnamed: "名前なし",
  foreignNavigation: "別のサイトのページから移動してきたため、まだ何も表示していません。",
  openHere: "ダッシュボードを表示",
  tokenNeeded: "このデーモンはトークンなしでは何も表示しません。",
};

/** Every language by the code that `lang` and `Accept-Language` have for it. */
export const LANGUAGES = { en: ENGLISH, ja: JAPANESE };

/**
 * A number with its thousands apart, the same in both languages.
 *
 * @param {number} number
 */
function count(number) {
  return number.toLocaleString("en");
}
