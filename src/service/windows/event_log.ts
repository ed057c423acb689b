/** Entries in the Event Log of Windows, where administrators look first. Manual: ReportEventW. */
import { addressOf } from "../../os/pointer.ts";
import { type Advapi32Services, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE } from "../../os/windows/advapi32.ts";
import { wideBytes, wideText } from "../../os/windows/wide_text.ts";
import { SERVICE_NAME } from "../service.ts";
import type { RegistryValue } from "./keys.ts";

/** The key, under HKEY_LOCAL_MACHINE, that registers portd as a source of entries. */
export const EVENT_SOURCE = `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${SERVICE_NAME}`;

/**
 * The values of this key. They must name a file with the texts of events: eventcreate.exe is part of Windows, and has
 * the text `%1` for each id up to 1000.
 */
export const EVENT_SOURCE_VALUES: readonly RegistryValue[] = [
  { name: "EventMessageFile", data: "%SystemRoot%\\System32\\EventCreate.exe" },
  { name: "TypesSupported", data: 7 },
];

/** Numbers of the entries. They must never change: people set alerts on them. */
const ID = { start: 1, stop: 2, failure: 3 } as const;
/** Entries may be longer; the beginning of a message says enough. */
const LONGEST = 4000;
/** The Event Viewer would replace `%1`, which may be part of an IPv6 address with its zone, by another text. */
const PLACEHOLDER = /%(?=\d)/g;

/** Writes an entry. @returns whether Windows took it. A full Event Log is no reason to fail. */
export type WriteEvent = (event: keyof typeof ID, text: string) => boolean;

/** The Event Log of this machine. */
export function eventLog(
  advapi32: Pick<Advapi32Services, "RegisterEventSourceW" | "ReportEventW" | "DeregisterEventSource">,
): WriteEvent {
  return (event, text) => {
    const source = advapi32.RegisterEventSourceW(null, wideText(SERVICE_NAME));
    if (source === null) return false;
    try {
      const wide = wideBytes(text.slice(0, LONGEST).replaceAll(PLACEHOLDER, "% "));
      const texts = new BigUint64Array([addressOf(wide)]);
      const type = event === "failure" ? EVENTLOG_ERROR_TYPE : EVENTLOG_INFORMATION_TYPE;
      return advapi32.ReportEventW(source, type, 0, ID[event], null, texts.length, 0, texts, null) !== 0;
    } finally {
      advapi32.DeregisterEventSource(source);
    }
  };
}
