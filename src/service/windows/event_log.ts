/** Entries in the Event Log of Windows, where administrators look first. Manual: ReportEventW. */
import { addressOf } from "../../os/pointer.ts";
import { type Advapi32Services, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE } from "../../os/windows/advapi32.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import { SERVICE_NAME } from "../service.ts";
import type { RegistryValue } from "./keys.ts";

/** Where it is registered whose entries are `portd`'s, under HKEY_LOCAL_MACHINE. */
export const EVENT_SOURCE = `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${SERVICE_NAME}`;

/**
 * What is registered. A file with the texts of events has to be named; that of eventcreate.exe is part of Windows, and
 * has for each id up to 1000 the text `%1`.
 */
export const EVENT_SOURCE_VALUES: readonly RegistryValue[] = [
  { name: "EventMessageFile", kind: "expandable", text: "%SystemRoot%\\System32\\EventCreate.exe" },
  { name: "TypesSupported", kind: "number", number: 7 },
];

/** Numbers of the entries: they stay what they are, as people have alerts for them. */
const ID = { start: 1, stop: 2, failure: 3 } as const;
/** Entries may be longer; a line that is broken off says enough. */
const LONGEST = 4000;
/** The Event Viewer takes `%1`, as in an IPv6 address with its zone, for the place of another text. */
const PLACE = /%(?=\d)/g;

/** What is told. */
export interface ServiceEvents {
  /** @returns whether Windows took it: a full Event Log is no reason to fail, and nobody else is there to be told. */
  tell(event: keyof typeof ID, text: string): boolean;
}

/** The Event Log of this machine. */
export class EventLog implements ServiceEvents {
  readonly #advapi32: Pick<Advapi32Services, "RegisterEventSourceW" | "ReportEventW" | "DeregisterEventSource">;

  constructor(advapi32: Pick<Advapi32Services, "RegisterEventSourceW" | "ReportEventW" | "DeregisterEventSource">) {
    this.#advapi32 = advapi32;
  }

  tell(event: keyof typeof ID, text: string): boolean {
    const source = this.#advapi32.RegisterEventSourceW(null, wideText(SERVICE_NAME));
    if (source === null) return false;
    try {
      const wide = new Uint8Array(wideText(text.slice(0, LONGEST).replaceAll(PLACE, "% ")).buffer);
      const texts = new BigUint64Array([addressOf(wide)]);
      const type = event === "failure" ? EVENTLOG_ERROR_TYPE : EVENTLOG_INFORMATION_TYPE;
      return this.#advapi32.ReportEventW(source, type, 0, ID[event], null, texts.length, 0, texts, null) !== 0;
    } finally {
      this.#advapi32.DeregisterEventSource(source);
    }
  }
}
