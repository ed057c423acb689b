/** How the state of a lease looks in a table. */
import type { LeaseState } from "../lease/lease.ts";
import type { Cell } from "./table.ts";
import type { Style } from "./terminal.ts";

const STYLES: Readonly<Record<LeaseState, Style | undefined>> = {
  granted: undefined,
  listening: "green",
  idle: "yellow",
  conflict: "red",
  released: "dim",
  revoked: "dim",
  expired: "dim",
};

/** The cell of a state. */
export function stateCell(state: LeaseState): Cell {
  return [state, STYLES[state]];
}
