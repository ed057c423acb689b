/** The shapes of what lies outside of the daemon: the network and the line. docs/api.md describes the members. */
import type { Adapter, AdapterAddress, InternetRoute, NetworkFacts } from "../adapters/adapters.ts";
import { FAMILIES } from "../gateway/gateway.ts";
import { type Line, LINE_VERDICTS, type PortSet, type StunSample } from "../line/line.ts";
import type { PortRange } from "../port/port.ts";
import {
  flag,
  INSTANT,
  listOf,
  LONG_TEXT,
  nullable,
  object,
  oneOf,
  PORT,
  type Shape,
  text,
  wholeNumber,
} from "./shape.ts";

/** An adapter may have very many addresses, and a machine very many adapters: containers bring them. */
const MOST_ADAPTERS = 10_000;
const SHORT_TEXTS = listOf(text(1000), MOST_ADAPTERS);

/** An address of an adapter. */
export const ADAPTER_ADDRESS: Shape<AdapterAddress> = object<AdapterAddress>({
  family: oneOf(...FAMILIES),
  address: text(200),
  prefix: wholeNumber(0, 128),
  scope: oneOf("global", "private", "link", "loopback"),
  origin: nullable(oneOf("dhcp", "static", "auto")),
  isTemporary: flag,
});

/** An adapter. */
export const ADAPTER: Shape<Adapter> = object<Adapter>({
  name: text(1000),
  index: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  mac: nullable(text(100)),
  isUp: flag,
  isVirtual: flag,
  kind: oneOf("ethernet", "wifi", "loopback", "tunnel", "other"),
  addresses: listOf(ADAPTER_ADDRESS, MOST_ADAPTERS),
  gateways: SHORT_TEXTS,
  dns: SHORT_TEXTS,
  managedBy: nullable(text(1000)),
  profile: nullable(LONG_TEXT),
});

const INTERNET_ROUTE = nullable(
  object<InternetRoute>({ adapter: text(1000), address: text(200), gateway: nullable(text(1000)) }),
);

/** `GET /network`. */
export const NETWORK: Shape<NetworkFacts> = object<NetworkFacts>({
  adapters: listOf(ADAPTER, MOST_ADAPTERS),
  internet: object({ ipv4: INTERNET_ROUTE, ipv6: INTERNET_ROUTE }),
  fixCommands: listOf(LONG_TEXT, 100),
});

/** A set of MAP-E has 63 ranges at most, a look twelve samples. */
const MOST_RANGES = 1000, MOST_SAMPLES = 100;

/** What is said of a line. */
export const LINE_VERDICT: Shape<Line["verdict"]> = oneOf(...LINE_VERDICTS);
/** The external ports of a line; null where every port can be had, or nothing is known. */
export const USABLE_PORTS: Shape<Line["usable"]> = nullable(
  listOf(object<PortRange>({ first: PORT, last: PORT }), MOST_RANGES),
);

/** `GET /line`, `POST /line/sample` and events of the line. */
export const LINE: Shape<Line> = object<Line>({
  verdict: LINE_VERDICT,
  reason: LONG_TEXT,
  certainty: oneOf("sure", "likely"),
  doubts: listOf(LONG_TEXT, 100),
  externalAddress: nullable(text(200)),
  portSet: nullable(
    object<PortSet>({ offset: oneOf(4, 6), length: oneOf(8, 6), psid: wholeNumber(0, 255) }),
  ),
  usable: USABLE_PORTS,
  samples: listOf(object<StunSample>({ localPort: PORT, address: text(200), port: PORT }), MOST_SAMPLES),
  sampledAt: nullable(INSTANT),
});
