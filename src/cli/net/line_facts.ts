/** What is known of the line, for `portd net` and the router sheet. Pure. */
import type { Line } from "../../client/wire.ts";
import { chooseExternalPort, refusalText } from "../../line/port_choice.ts";
import type { SheetPort } from "../../sheet/sheet.ts";
import { verdictText } from "../line/line_text.ts";
import type { Fact } from "../terminal.ts";

/** The verdict; nothing where it is not known. */
export function lineFacts(line: Line | undefined): readonly Fact[] {
  if (line === undefined || line.verdict === "unknown") return [];
  return [["line", `${verdictText(line)}; for more: portd line`]];
}

/** What the line cannot have of the external ports: no setting of the router opens them. */
export function lineNotes(ports: readonly SheetPort[], line: Line | undefined): readonly string[] {
  return ports.flatMap(({ port, externalPort }) => {
    const choice = chooseExternalPort(line, externalPort, port);
    if (choice.port !== null) return [];
    const { suggestion } = choice;
    const instead = suggestion === null ? "" : `; make the sheet with --external ${suggestion}`;
    return [`no setting of the router opens ${externalPort}: ${refusalText(choice)}${instead}`];
  });
}
