/**
 * The words of the sheet. The Japanese ones are those of routers' pages in Japan, above all of NTT's home gateways
 * (詳細設定: IPv4パケットフィルタ設定, 静的IPマスカレード設定); the English ones those that most makers use.
 */
import type { Language } from "./language.ts";

/** The sentences and labels of one language. */
export interface SheetWords {
  readonly title: string;
  readonly subtitle: (ports: string) => string;
  readonly intro: (page: string) => readonly string[];
  readonly address: {
    readonly title: string;
    readonly labels: Readonly<Record<"adapter" | "mac" | "address" | "mask" | "gateway" | "dns", string>>;
    readonly fixed: (address: string) => string;
    readonly leased: (address: string) => string;
    readonly unsure: (address: string) => string;
    readonly reserve: (address: string, mac: string | null) => string;
    readonly inTerminal: string;
    readonly inPowerShell: string;
    readonly byHand: string;
    readonly range: (address: string) => string;
  };
  readonly filter: {
    readonly title: string;
    readonly text: readonly string[];
    readonly labels: Readonly<
      Record<"type" | "source" | "destination" | "protocol" | "sourcePort" | "destinationPort" | "direction", string>
    >;
    readonly values: { readonly allow: string; readonly both: string };
  };
  readonly nat: {
    readonly title: string;
    readonly text: readonly string[];
    readonly publicAddress: (address: string) => string;
    readonly labels: Readonly<Record<"protocol" | "externalPort" | "address" | "port", string>>;
  };
  readonly check: Readonly<Record<"title" | "save" | "open" | "check" | "line", string>>;
}

const ENGLISH: SheetWords = {
  title: "Router sheet",
  subtitle: (ports) => `To be reached from the internet: ${ports}`,
  intro: (page) => [
    `This is what to type into the page of your router. Open ${page} in a browser, log in, and go through the steps in ` +
    `their order.`,
    "The names differ a little from router to router.",
  ],
  address: {
    title: "Give this machine a fixed address",
    labels: {
      adapter: "Network adapter",
      mac: "MAC address",
      address: "IPv4 address",
      mask: "Subnet mask",
      gateway: "Default gateway",
      dns: "DNS server",
    },
    fixed: (address) => `${address} is a fixed address already: nothing to do here.`,
    leased: (address) =>
      `${address} comes from DHCP. If it changes, the entries below lead to another machine. Fix it in one of two ways:`,
    unsure: (address) =>
      `portd cannot see whether ${address} is a fixed address. If it comes from DHCP, fix it in one of two ways:`,
    reserve: (address, mac) =>
      `A. In the router: in its DHCP settings (address reservation, static lease), reserve ${address} for ` +
      `${mac === null ? "this machine" : `the MAC address ${mac}`}.`,
    inTerminal: "B. On this machine: run these commands in a terminal.",
    inPowerShell: "B. On this machine: run these commands in PowerShell as administrator.",
    byHand: "B. On this machine: enter the values above in its network settings, with DHCP switched off for IPv4.",
    range: (address) =>
      `With B, ${address} must not be in the range that the router's DHCP server gives to others; otherwise use A.`,
  },
  filter: {
    title: "IPv4 packet filter (firewall)",
    text: [
      "Only if your router has one: also called firewall rules, IP filter or access control. Add the following:",
    ],
    labels: {
      type: "Type (action)",
      source: "Source IP address",
      destination: "Destination IP address",
      protocol: "Protocol",
      sourcePort: "Source port",
      destinationPort: "Destination port",
      direction: "Direction",
    },
    values: { allow: "allow (permit)", both: "both (in and out)" },
  },
  nat: {
    title: "Port forwarding (static NAT, IP masquerade)",
    text: ["Also called virtual server, port mapping or NAT rule. Add the following:"],
    publicAddress: (address) =>
      `${address} is a public address: if the router does not translate addresses, the packet filter alone is enough.`,
    labels: {
      protocol: "Protocol",
      externalPort: "External port (WAN, public)",
      address: "Internal IP address (LAN, server)",
      port: "Internal port (private)",
    },
  },
  check: {
    title: "Save, then check",
    save: "Save the settings; some routers apply them only after a restart.",
    open: "Open the firewall of this machine:",
    check: "Start your server, then check every step between it and the internet:",
    line:
      "If it cannot be reached, see which ports your line can have at all. With MAP-E, DS-Lite or carrier-grade NAT " +
      "no setting of the router opens the others:",
  },
};

const JAPANESE: SheetWords = {
  title: "ルーター設定シート",
  subtitle: (ports) => `インターネットから接続できるようにするポート：${ports}`,
  intro: (page) => [
    `ルーターの設定画面に入力する内容です。ブラウザーで ${page} を開いてログインし、上から順に設定してください。`,
    "項目の名前は機種によって少し異なります。NTTのホームゲートウェイでは「詳細設定」の中にあります。",
  ],
  address: {
    title: "このコンピューターのIPアドレスを固定する",
    labels: {
      adapter: "ネットワークアダプター",
      mac: "MACアドレス",
      address: "IPv4アドレス",
      mask: "サブネットマスク",
      gateway: "デフォルトゲートウェイ",
      dns: "DNSサーバー",
    },
    fixed: (address) => `${address} は固定されています。ここでの作業は不要です。`,
    leased: (address) =>
      `${address} はDHCPで割り当てられたアドレスです。変わると、下の設定は別の機器を指します。次のどちらかで固定してください。`,
    unsure: (address) =>
      `${address} が固定されているかどうかは分かりません。DHCPで割り当てられている場合は、次のどちらかで固定してください。`,
    reserve: (address, mac) =>
      `A. ルーターで固定する：DHCPサーバーの設定（DHCP固定IPアドレス設定など）に、` +
      `${mac === null ? "このコンピューター" : `MACアドレス ${mac} `}のIPアドレスとして ${address} を登録します。`,
    inTerminal: "B. このコンピューターで固定する：ターミナルで次のコマンドを実行します。",
    inPowerShell: "B. このコンピューターで固定する：管理者として開いたPowerShellで次のコマンドを実行します。",
    byHand: "B. このコンピューターで固定する：ネットワークの設定でIPv4のDHCPを切り、上の値を入力します。",
    range: (address) =>
      `Bの場合、${address} がルーターのDHCPサーバーの割り当て範囲に入っていないことを確認してください。入っている場合はAを選びます。`,
  },
  filter: {
    title: "IPv4パケットフィルタ",
    text: [
      "ルーターにIPv4パケットフィルタがある場合だけ設定します（NTTのホームゲートウェイでは「IPv4パケットフィルタ設定」）。次の内容を追加します。",
    ],
    labels: {
      type: "種別",
      source: "送信元IPアドレス",
      destination: "宛先IPアドレス",
      protocol: "プロトコル",
      sourcePort: "送信元ポート",
      destinationPort: "宛先ポート",
      direction: "方向",
    },
    values: { allow: "許可", both: "両方" },
  },
  nat: {
    title: "静的NAT（静的IPマスカレード）",
    text: [
      "NTTのホームゲートウェイでは「静的IPマスカレード設定」です。ほかの機種では「ポートマッピング」「ポート開放」「ポート転送」「仮想サーバー」とも呼ばれます。次の内容を追加します。",
    ],
    publicAddress: (address) =>
      `${address} はグローバルアドレスです。ルーターがアドレスを変換していない場合は、IPv4パケットフィルタの設定だけで足ります。`,
    labels: {
      protocol: "変換対象プロトコル",
      externalPort: "変換対象ポート",
      address: "宛先IPv4アドレス",
      port: "宛先ポート",
    },
  },
  check: {
    title: "保存して確認する",
    save:
      "設定を保存します。「設定」のほかに「保存」ボタンがある機種では、それも押してください。再起動が必要な機種もあります。",
    open: "このコンピューターのファイアウォールを開きます。",
    check: "サーバーを起動してから、インターネットまでの経路を順に確認します。",
    line:
      "接続できない場合は、この回線で使えるポートを確認します。MAP-E（v6プラスなど）、DS-Lite、キャリアグレードNATの回線では、それ以外のポートはルーターの設定では開きません。",
  },
};

/** By language. */
export const WORDS: Readonly<Record<Language, SheetWords>> = { en: ENGLISH, ja: JAPANESE };
