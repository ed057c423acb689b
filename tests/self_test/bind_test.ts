/** `bind.matrix` over a fake system: it notices every kind of wrong answer of the probe. */
import assert from "node:assert/strict";
import type { Claim, Holds } from "../../src/hold/hold.ts";
import { matrixItem, type MatrixSockets, placesOf } from "../../src/self_test/bind.ts";

/** A system on which sockets of these protocols and addresses are not seen by the probe. */
function fake({ blind = () => false, stays = () => false }: {
  readonly blind?: (address: string, protocol: string) => boolean;
  readonly stays?: (address: string) => boolean;
}) {
  const seen = new Set<string>();
  let next = 20_000;
  const holds = {
    claim: (port: number, { protocols }: { readonly protocols: readonly string[] }): Claim =>
      seen.has(`${protocols[0]} ${port}`)
        ? { obstacle: { reason: "in_use", protocol: "tcp" } }
        : { port, hold: "none" },
    claimAny: (): Claim => ({ port: next++, hold: "none" }),
    release: () => {},
  } as unknown as Holds;
  const sockets: MatrixSockets = {
    sharings: ["default"],
    bind({ address, dualStack }, port, { protocol }) {
      if (dualStack) return 10047;
      if (!blind(address, protocol)) seen.add(`${protocol} ${port}`);
      return { [Symbol.dispose]: () => void (stays(address) || seen.delete(`${protocol} ${port}`)) };
    },
  };
  return matrixItem(holds, sockets);
}

Deno.test("a probe that sees every socket is right, and what cannot be bound is named", async () => {
  const { state, value } = await fake({}).run("");
  const { rows, wrong, notBound } = value as { rows: number; wrong: string[]; notBound: string[] };
  assert.equal(state, "ok");
  assert.ok(rows >= 10);
  assert.deepEqual([wrong, notBound], [[], ["tcp dual :: default: error 10047", "udp dual :: default: error 10047"]]);
});

Deno.test("a socket that the probe does not see is named, with its protocol", async () => {
  const { state, reason, value } = await fake({
    blind: (address, protocol) => address === "127.0.0.2" && protocol === "udp",
  })
    .run("");
  assert.deepEqual([state, reason], ["fail", "1 answers of the probe are wrong"]);
  assert.deepEqual((value as { wrong: string[] }).wrong, ["udp 127.0.0.2 default: free while it is bound"]);
});

Deno.test("a port that stays in use is named", async () => {
  const { value } = await fake({ stays: (address) => address === "::1" }).run("");
  assert.deepEqual((value as { wrong: string[] }).wrong, [
    "tcp ::1 default: taken after it was closed",
    "udp ::1 default: taken after it was closed",
  ]);
});

Deno.test("every address of the machine has a row that does not name it", () => {
  const of = (family: "IPv4" | "IPv6", address: string, scopeid: number | null = null) =>
    ({ family, address, scopeid, name: "x", netmask: "", cidr: "", mac: "" }) as Deno.NetworkInterfaceInfo;
  const places = placesOf([
    of("IPv4", "127.0.0.1"),
    of("IPv6", "::1"),
    of("IPv4", "10.1.2.3"),
    of("IPv6", "fe80::1", 3),
    of("IPv6", "2001:db8::1"),
  ]);
  assert.deepEqual(places.slice(6), [
    { label: "LAN IPv4 1", address: "10.1.2.3" },
    { label: "fe80:: 1", address: "fe80::1", scope: 3 },
    { label: "LAN IPv6 1", address: "2001:db8::1" },
  ]);
});
