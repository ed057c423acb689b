/** The shapes of what lies outside of the daemon: the network. docs/api.md describes the members. */
import type { Adapter, AdapterAddress, InternetRoute, NetworkFacts } from "../adapters/adapters.ts";
import { FAMILIES } from "../gateway/gateway.ts";
import { flag, listOf, LONG_TEXT, nullable, object, oneOf, type Shape, text, wholeNumber } from "./shape.ts";

/** An adapter may have very many addresses, and a machine very many adapters: containers bring them. */
const MOST_ADAPTERS = 10_000;
const SHORT_TEXTS = listOf(text(1000), MOST_ADAPTERS);

const ADAPTER_ADDRESS = object<AdapterAddress>({
  family: oneOf(...FAMILIES),
  address: text(200),
  prefix: wholeNumber(0, 128),
  scope: oneOf("global", "private", "link", "loopback"),
  origin: nullable(oneOf("dhcp", "static", "auto")),
  isTemporary: flag,
});

const ADAPTER = object<Adapter>({
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
