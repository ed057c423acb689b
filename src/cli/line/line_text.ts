/** The line as it is shown to people. Pure. */
import type { Line } from "../../client/wire.ts";
import { countPorts, foldRanges } from "../../line/port_choice.ts";
import type { Fact, Style } from "../terminal.ts";

const VERDICTS: Readonly<Record<Line["verdict"], readonly [text: string, Style]>> = {
  "unrestricted": ["every port can be opened", "green"],
  "map-e": ["MAP-E: some ports can be opened", "yellow"],
  "double-nat": ["double NAT: two routers have to forward a port", "yellow"],
  "shared": ["shared: no port can be opened by IPv4", "red"],
  "unknown": ["unknown", "yellow"],
};

/** A line in a few words, with how sure that is. */
export function verdictText({ verdict, certainty }: Pick<Line, "verdict" | "certainty">): string {
  const [text] = VERDICTS[verdict];
  return verdict === "unknown" ? text : `${text} (${certainty})`;
}

/** Everything about a line. */
export function factsOfLine(line: Line): readonly Fact[] {
  const { verdict, reason, doubts, externalAddress, usable, samples, sampledAt } = line;
  const seen = samples.map(({ localPort, port }) => `${localPort} as ${port}`).join(", ");
  return [
    ["line", verdictText(line), VERDICTS[verdict][1]],
    ["why", reason],
    ...doubts.map((doubt): Fact => ["doubt", doubt]),
    ["address", externalAddress ?? "unknown"],
    ["ports", portsText(verdict, usable)],
    ...(samples.length === 0 ? [] : [["seen", `${samples[0]!.address}: ${seen}`] satisfies Fact]),
    ["asked", sampledAt ?? "never"],
  ];
}

function portsText(verdict: Line["verdict"], usable: Line["usable"]): string {
  if (usable === null) return verdict === "unrestricted" ? "all" : "unknown";
  return usable.length === 0 ? "none" : `${countPorts(usable)}: ${foldRanges(usable, usable.length)}`;
}
