import { FakeFirewall, type FakeRule } from "../support/firewall.ts";
import { type ConformanceHost, testConformance } from "./conformance.ts";

testConformance({ name: "fake firewall", open: () => Promise.resolve(openFake()) });

function openFake(): ConformanceHost {
  const firewall = new FakeFirewall();
  const isIt = (owner: string, name: string) => (rule: FakeRule) => rule.owner === owner && rule.name === name;
  return {
    backend: (owner) => firewall.backend(owner),
    addForeign: (count) => {
      for (let i = 0; i < count; i++) firewall.foreign.push(`portd-in-tcp-${20417 + i}`);
      return Promise.resolve();
    },
    foreign: () => Promise.resolve([...firewall.foreign]),
    alter: (owner, name) => {
      const rule = firewall.rules.findIndex(isIt(owner, name));
      firewall.rules[rule] = { ...firewall.rules[rule]!, rule: undefined };
      return Promise.resolve();
    },
    takeAway: (owner, name) => {
      firewall.rules.splice(firewall.rules.findIndex(isIt(owner, name)), 1);
      return Promise.resolve();
    },
    duplicate: (owner, name) => {
      firewall.rules.push(firewall.rules.find(isIt(owner, name))!);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
