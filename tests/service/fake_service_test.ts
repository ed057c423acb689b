import { FakeServiceControl } from "../support/service.ts";
import { type ConformanceHost, testConformance } from "./conformance.ts";

testConformance({ name: "fake service", open: () => Promise.resolve(openFake()) });

function openFake(): ConformanceHost {
  const control = new FakeServiceControl();
  return {
    control: () => Object.assign(control, { refused: undefined }),
    stranger: () => Object.assign(control, { refused: "the fake is root's" }),
    definition: { self: ["/fake/bin"], words: ["--state-dir", "/fake/state"], stateDir: "/fake/state", reserve: [] },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
