import assert from "node:assert/strict";
import { GenericHolds } from "../../src/hold/generic.ts";
import type { Holds } from "../../src/hold/hold.ts";
import { LinuxHolds } from "../../src/hold/linux/holds.ts";
import { WindowsHolds } from "../../src/hold/windows/holds.ts";
import { openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import type { Protocol } from "../../src/port/port.ts";
import { linuxTest } from "../support/linux_only.ts";
import { FakeMachine } from "../support/machine.ts";
import { freePort, listen } from "../support/sockets.ts";

const linux = Deno.build.os === "linux";
const tcp = { protocols: ["tcp"], hold: "soft" } as const;

function openLinuxHolds(): LinuxHolds {
  const libc = openLibc();
  return new LinuxHolds({ libc, procfs: new Procfs(libc) });
}

/** A kernel: the holds of a portd on it, and what other programs do there. */
interface Kernel {
  /** The holds of one more portd. */
  open(): Holds;
  freePort(): number;
  /** A server of somebody. @param port is 0 for any. */
  listen(protocol: Protocol, hostname: string, port?: number): { readonly port: number } & Disposable;
}

function thisKernel(open: () => Holds): Kernel {
  return {
    open,
    freePort,
    listen(protocol, hostname, port = 0) {
      if (protocol === "tcp") return listen(port, hostname);
      const socket = Deno.listenDatagram({ hostname, port, transport: "udp" });
      return { port: (socket.addr as Deno.NetAddr).port, [Symbol.dispose]: () => socket.close() };
    },
  };
}

function fakeKernel(): Kernel {
  const machine = new FakeMachine();
  let last = 20_000;
  return {
    open: () => machine.parts().holds,
    freePort: () => ++last,
    listen(protocol, address, port = ++last) {
      assert.ok(machine.listen({ protocol, port }, { pid: 1, address }));
      return { port, [Symbol.dispose]: () => machine.stopListening(port, protocol) };
    },
  };
}

type KernelTest = (holds: Holds, kernel: Kernel) => void;

/** The promises that every implementation keeps. */
const ALL: Readonly<Record<string, KernelTest>> = {
  "grant a free port for TCP, UDP and both"(holds, { freePort }) {
    for (const protocols of [["tcp"], ["udp"], ["tcp", "udp"]] as const) {
      assert.equal(holds.claim(freePort(), { protocols, hold: "none" }).obstacle, undefined);
    }
  },
  "refuse a port that somebody listens on, or is bound to for UDP, at whatever address"(holds, kernel) {
    for (const hostname of ["0.0.0.0", "127.0.0.1", "::", "::1"]) {
      for (const protocol of ["tcp", "udp"] as const) {
        using server = kernel.listen(protocol, hostname);
        const { obstacle } = holds.claim(server.port, { protocols: [protocol], hold: "soft" });
        assert.deepEqual(obstacle, { reason: "in_use", protocol }, hostname);
      }
    }
  },
  "find a port of the kernel's for TCP, UDP and both"(holds) {
    for (const protocols of [["tcp"], ["udp"], ["tcp", "udp"]] as const) {
      const claim = holds.claimAny({ protocols, hold: "soft" });
      assert.ok(claim.obstacle === undefined && claim.port > 0);
    }
  },
  "let a server listen on a claimed port"(holds, kernel) {
    const port = kernel.freePort();
    assert.equal(holds.claim(port, tcp).obstacle, undefined);
    using server = kernel.listen("tcp", "0.0.0.0", port);
    assert.equal(server.port, port);
  },
  "release what was never held without complaint"(holds, { freePort }) {
    holds.release(freePort());
    assert.equal(holds.size, 0);
  },
};

/** The promises of those that keep ports for their leases. */
const SOFT: Readonly<Record<string, KernelTest>> = {
  "keep a port from a second claim and from another portd"(ours, { open, freePort }) {
    const theirs = open(), port = freePort();
    assert.deepEqual(ours.claim(port, tcp), { port, hold: "soft" });
    assert.equal(theirs.claim(port, tcp).obstacle?.reason, "in_use");
    assert.equal(theirs.claim(port, { ...tcp, named: true }).obstacle?.reason, "in_use");
    ours.release(port);
    assert.deepEqual(theirs.claim(port, tcp), { port, hold: "soft" });
    theirs.releaseAll();
  },
  "are taken again beside nobody and not beside a listener"(holds, kernel) {
    const port = kernel.freePort();
    {
      using _server = kernel.listen("tcp", "127.0.0.1", port);
      assert.equal(holds.retake(port), false);
      assert.equal(holds.has(port), false);
    }
    assert.equal(holds.retake(port), true);
    assert.equal(holds.retake(port), true);
    assert.deepEqual([holds.has(port), holds.size], [true, 1]);
    holds.releaseAll();
    assert.equal(holds.size, 0);
  },
};

function conformance(name: string, kernel: Kernel, tests: Readonly<Record<string, KernelTest>>): void {
  for (const [sentence, test] of Object.entries(tests)) {
    Deno.test(`${name} ${sentence}`, () => {
      const holds = kernel.open();
      try {
        test(holds, kernel);
      } finally {
        holds.releaseAll();
      }
    });
  }
}

conformance("generic holds", thisKernel(() => new GenericHolds()), ALL);
if (Deno.build.os === "windows") conformance("Windows holds", thisKernel(() => WindowsHolds.open(() => {})), ALL);
conformance("fake holds", fakeKernel(), { ...ALL, ...SOFT });
if (linux) conformance("Linux holds", thisKernel(openLinuxHolds), { ...ALL, ...SOFT });

linuxTest("the kernel gives no held port to bind(0)", () => {
  const holds = openLinuxHolds();
  for (let i = 0; i < 1000; i++) assert.equal(holds.claimAny(tcp).obstacle, undefined);
  for (let i = 0; i < 500; i++) {
    using server = listen();
    assert.equal(holds.has(server.port), false);
  }
  holds.releaseAll();
});

/** Leaves a socket in TIME_WAIT at the server's side of the port. */
async function leaveTimeWait(): Promise<number> {
  const { port, listener } = listen();
  const [server, client] = await Promise.all([listener.accept(), Deno.connect({ hostname: "127.0.0.1", port })]);
  server.close(); // who closes first waits
  await client.read(new Uint8Array(1));
  client.close();
  listener.close();
  return port;
}

linuxTest("a port in TIME_WAIT is granted by number and not otherwise, and not beside another's hold", async () => {
  const holds = openLinuxHolds(), theirs = openLinuxHolds();
  const port = await leaveTimeWait();
  assert.equal(holds.claim(port, tcp).obstacle?.reason, "in_use");
  assert.deepEqual(holds.claim(port, { ...tcp, named: true }), { port, hold: "soft" });
  assert.equal(theirs.claim(port, { ...tcp, named: true }).obstacle?.reason, "in_use");
  holds.releaseAll();
  assert.deepEqual(theirs.claim(port, { ...tcp, named: true }), { port, hold: "soft" });
  theirs.releaseAll();
});
