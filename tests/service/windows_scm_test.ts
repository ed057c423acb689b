/** Being a service, with callbacks that are called as Windows calls them; tests/os has the real manager. */
import assert from "node:assert/strict";
import { runAsService, type ServiceProcessParts } from "../../src/service/windows/scm.ts";
import type { ServiceRun } from "../../src/service/service.ts";
import { aborted } from "../support/service.ts";
import { readWide } from "../support/wide_text.ts";

const STOPPED = 1, START_PENDING = 2, STOP_PENDING = 3, RUNNING = 4, STOP = 1;
const SERVICE_MAIN = { parameters: ["u32", "pointer"], result: "void" } as const;
const HANDLER = { parameters: ["u32", "u32", "pointer", "pointer"], result: "u32" } as const;

/** A small Service Control Manager. */
class FakeManager {
  readonly reports: number[][] = [];
  readonly written: string[] = [];
  name = "";
  readonly #ended = Promise.withResolvers<number>();
  #handler: Deno.PointerValue = null;

  get parts(): ServiceProcessParts {
    return {
      advapi32: {
        StartServiceCtrlDispatcherW: (table) => {
          const [name, main] = table as BigUint64Array<ArrayBuffer>;
          this.name = readWide(name!);
          const callback = Deno.UnsafePointer.create<typeof SERVICE_MAIN>(main!);
          new Deno.UnsafeFnPointer(callback!, SERVICE_MAIN).call(0, null);
          return this.#ended.promise;
        },
        RegisterServiceCtrlHandlerExW: (_name, handler) => {
          this.#handler = handler;
          return Deno.UnsafePointer.create(1n);
        },
        SetServiceStatus: (_handle, status) => {
          const report = [...status as Uint32Array];
          this.reports.push(report);
          if (report[1] === STOPPED) this.#ended.resolve(1);
          return 1;
        },
      },
      writeEvent: (event, text) => this.written.push(`${event}: ${text}`) > 0,
    };
  }

  get states(): number[] {
    return this.reports.map(([, state]) => state!);
  }

  control(code: number): number {
    const callback = this.#handler as Deno.PointerObject<typeof HANDLER>;
    return new Deno.UnsafeFnPointer(callback, HANDLER).call(code, 0, null, null);
  }
}

Deno.test("runAsService() starts, is ready, takes the stop and has stopped", async () => {
  const manager = new FakeManager();
  await runAsService(async ({ signal, ready }: ServiceRun) => {
    assert.deepEqual(manager.states, [START_PENDING]);
    ready();
    assert.deepEqual(manager.states, [START_PENDING, RUNNING]);
    const stopped = aborted(signal);
    assert.equal(manager.control(STOP), 0);
    assert.equal(manager.states.at(-1), STOP_PENDING, "it has not ended before it has answered");
    await stopped;
  }, manager.parts);
  assert.equal(manager.name, "portd");
  assert.deepEqual(manager.states, [START_PENDING, RUNNING, STOP_PENDING, STOPPED]);
  assert.deepEqual(manager.written, ["start: portd has started", "stop: portd has stopped"]);
});

Deno.test("runAsService() reports a failure, and then throws it", async () => {
  const manager = new FakeManager();
  const work = () => Promise.reject(new Error("Cannot listen: somebody does"));
  await assert.rejects(runAsService(work, manager.parts), /^Error: Cannot listen: somebody does$/);
  assert.deepEqual(manager.reports.at(-1)!.slice(1, 5), [STOPPED, 0, 1066, 1]);
  assert.deepEqual(manager.written, ["failure: portd has failed: Cannot listen: somebody does"]);
});

/** A service that Windows does not let begin, as `changes` answer. */
async function expectRefusal(changes: Partial<ServiceProcessParts["advapi32"]>, refused: RegExp): Promise<void> {
  const manager = new FakeManager();
  const { advapi32, writeEvent } = manager.parts;
  const work = () => assert.fail("it is no service");
  await assert.rejects(runAsService(work, { advapi32: { ...advapi32, ...changes }, writeEvent }), refused);
  assert.deepEqual(manager.reports, []);
}

Deno.test("runAsService() in a terminal says what to do instead, and does nothing", async () => {
  const refused = /Service Control Manager .* "portd service start", or "portd serve"/;
  await expectRefusal({ StartServiceCtrlDispatcherW: () => Promise.resolve(0) }, refused);
});

Deno.test("runAsService() fails where Windows takes no control handler", async () => {
  await expectRefusal({ RegisterServiceCtrlHandlerExW: () => null }, /Windows takes no control handler/);
});
