/** A service that does nothing: tests of the service control install it instead of portd. */
import { WindowsServiceControl } from "../../../src/service/windows/service_control.ts";

const ended = Promise.withResolvers<void>();
await new WindowsServiceControl().run(async ({ signal, ready }) => {
  signal.addEventListener("abort", () => ended.resolve());
  ready();
  await ended.promise;
});
