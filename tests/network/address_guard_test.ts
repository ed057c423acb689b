import assert from "node:assert/strict";
import { openAddressGuard } from "../../src/network/open.ts";
import { readSocketAddress, socketAddressOf } from "../../src/os/linux/socket_address.ts";
import { linuxTest } from "../support/linux_only.ts";
import { freePort, listen } from "../support/sockets.ts";

for (const hostname of ["127.0.0.1", "::1", "0.0.0.0", "::"]) {
  Deno.test(`a guard keeps ${hostname} for sockets with SO_REUSEPORT until it is disposed of`, {
    ignore: Deno.build.os !== "linux",
  }, () => {
    const port = freePort();
    const guard = openAddressGuard()!({ transport: "tcp", hostname, port });
    for (let times = 0; times < 2; times++) {
      assert.throws(() => Deno.listen({ hostname, port }), Deno.errors.AddrInUse);
      Deno.listen({ hostname, port, reusePort: true }).close();
    }
    guard[Symbol.dispose]();
    Deno.listen({ hostname, port }).close();
  });
}

linuxTest("an address can be guarded that has ended connections of a server before", async () => {
  const { port, listener } = listen(freePort());
  const client = await Deno.connect({ port });
  (await listener.accept()).close(); // who closes first keeps the connection as TIME-WAIT
  await client.read(new Uint8Array(1));
  client.close();
  listener.close();
  const guard = openAddressGuard()!({ transport: "tcp", hostname: "127.0.0.1", port });
  assert.throws(() => Deno.listen({ hostname: "127.0.0.1", port }), Deno.errors.AddrInUse);
  Deno.listen({ hostname: "127.0.0.1", port, reusePort: true }).close();
  assert.throws(() => Deno.listen({ hostname: "127.0.0.1", port }), Deno.errors.AddrInUse);
  guard[Symbol.dispose]();
});

linuxTest("an address on which somebody listens cannot be guarded", () => {
  using other = listen();
  const address = { transport: "tcp", hostname: "127.0.0.1", port: other.port } as const;
  assert.throws(() => openAddressGuard()!(address), Deno.errors.AddrInUse);
});

Deno.test("a socket address holds what it was made of", () => {
  for (const address of ["127.0.0.1", "10.200.3.255", "::", "::1", "fe80::1:2", "2001:db8:0:1:2:3:4:5", "ff::"]) {
    assert.deepEqual(readSocketAddress(socketAddressOf(address, 7678).bytes), { address, port: 7678 });
  }
  assert.equal(readSocketAddress(socketAddressOf("::ffff:10.0.0.1", 1).bytes)?.address, "::ffff:10.0.0.1");
  assert.equal(readSocketAddress(new Uint8Array(28)), undefined);
});
