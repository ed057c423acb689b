/** Serving through the loss of the listening socket, with and without a guard of the address. */
import assert from "node:assert/strict";
import { serve, type ServeOptions, type Serving } from "../../src/daemon/serve.ts";
import { explainListenFailure } from "../../src/daemon/listen_failure.ts";
import type { PortdError } from "../../src/errors.ts";
import { openAddressGuard } from "../../src/network/open.ts";
import { breakListening } from "../support/listening_socket.ts";

const HOSTNAMES = ["127.0.0.1", "::1"];
const ignore = Deno.build.os !== "linux";

function open(hostname: string, options: Partial<ServeOptions>): Serving {
  return serve({ hostname, port: 0, handler: () => new Response("served"), log() {}, ...options });
}

async function ask(hostname: string, port: number): Promise<string> {
  const response = await fetch(`http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`);
  return await response.text();
}

for (const hostname of HOSTNAMES) {
  Deno.test({
    name: `serve() keeps ${hostname} while it does not listen, and listens again`,
    ignore,
    async fn() {
      const back = Promise.withResolvers<void>();
      const seen: boolean[] = [];
      const server = open(hostname, {
        guardAddress: openAddressGuard(),
        makeRoom() {
          const take = () => Deno.listen({ hostname, port: server.port });
          assert.throws(take, Deno.errors.AddrInUse);
          seen.push(true);
          setTimeout(back.resolve, 0); // it listens once this call has ended
          return Promise.resolve();
        },
      });
      breakListening(server.port);
      await back.promise;
      assert.equal(await ask(hostname, server.port), "served");
      assert.deepEqual(seen, [true]);
      await server.shutdown(1000);
      Deno.listen({ hostname, port: server.port }).close();
    },
  });
}

Deno.test({
  name: "serve() that has lost its address to another program ends with port_in_use",
  ignore,
  async fn() {
    let thief: Deno.Listener | undefined;
    const server = open("127.0.0.1", {
      makeRoom() {
        thief = Deno.listen({ hostname: "127.0.0.1", port: server.port });
        return Promise.resolve();
      },
    });
    breakListening(server.port);
    await assert.rejects(server.finished, { code: "port_in_use" });
    await server.shutdown(1000);
    thief?.close();
  },
});

Deno.test("serve() refuses an address that another server of this user has, although both could share it", async () => {
  const guardAddress = openAddressGuard();
  const first = open("127.0.0.1", { guardAddress });
  assert.throws(() => open("127.0.0.1", { guardAddress, port: first.port }), { code: "port_in_use" });
  assert.equal(await ask("127.0.0.1", first.port), "served");
  await first.shutdown(1000);
});

Deno.test("an address that Windows denies is explained by its services, and elsewhere by missing rights", () => {
  const cause = new Deno.errors.PermissionDenied("Permission denied"), address = { hostname: "127.0.0.1", port: 7678 };
  const explained = (os: typeof Deno.build.os) => explainListenFailure(cause, address, os) as PortdError;
  assert.equal(explained("linux").message, "Cannot listen on 127.0.0.1:7678: no permission");
  assert.equal(explained("windows").code, "port_excluded");
  assert.match(
    explained("windows").message,
    /Hyper-V, WinNAT .* excludedportrange .* another address \(PORTD_LISTEN\)$/,
  );
});

Deno.test("an address that this machine does not have is named", () => {
  const refused = (() => {
    try {
      return Deno.listen({ hostname: "192.0.2.254", port: 0 }); // of no machine: RFC 5737
    } catch (error) {
      return error;
    }
  })();
  const explained = explainListenFailure(refused, { hostname: "192.0.2.254", port: 7678 }) as Error;
  assert.match(explained.message, /^Cannot listen on 192\.0\.2\.254:7678: this machine has no such address; .*PORTD_/);
});
