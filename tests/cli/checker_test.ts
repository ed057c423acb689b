/** `portd checker` in the foreground. */
import assert from "node:assert/strict";
import type { RunChecker } from "../../src/cli/context.ts";
import { FakeSignals, portd } from "../support/cli.ts";

const NET = { transport: "tcp", hostname: "::", port: 7679 } as const;

Deno.test("portd checker prints its addresses, and ends cleanly at Ctrl-C", async () => {
  const signals = new FakeSignals();
  const checker: RunChecker = ({ listen, allowPrivate, onReady, signal }) => {
    assert.deepEqual([listen, allowPrivate], [undefined, false]);
    onReady([NET]);
    signals.send("SIGINT");
    assert.equal(signal.aborted, true);
    return Promise.resolve();
  };
  const { code, stdout, stderr } = await portd(["checker"], { signals, checker });
  assert.deepEqual([code, stdout, signals.listeners], [0, "[::]:7679\n", 0]);
  assert.equal(stderr, "checks ports of callers from the internet at\n");
});

Deno.test("portd checker takes an address and other callers, and asks for no daemon", async () => {
  const checker: RunChecker = ({ listen, allowPrivate, onReady }) => {
    assert.deepEqual([listen, allowPrivate], [{ host: "::1", port: 80 }, true]);
    onReady([{ ...NET, hostname: "::1", port: 80 }]);
    return Promise.resolve();
  };
  const { code, stdout } = await portd(["checker", "--listen", "[::1]:80", "--allow-private", "--json"], { checker });
  assert.deepEqual([code, JSON.parse(stdout)], [0, { addresses: ["[::1]:80"], pid: Deno.pid }]);
});
