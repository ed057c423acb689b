/** Calls of actions: SOAP as UPnP Device Architecture 2.0 section 3 has it, and what its errors mean. */
import { escapeControls } from "../../escape.ts";
import { GatewayError, type GatewayFault } from "../gateway.ts";
import type { Service } from "./description.ts";
import { exchange, type ExchangeOptions } from "./http.ts";
import { child, escapeXml, parseXml, type XmlElement } from "./xml.ts";

/** What an action takes: values by the names of its arguments, in the order in which the service declares them. */
export type ActionArguments = Readonly<Record<string, string | number>>;

/** What an action answers: values by the names of its arguments. */
export type ActionAnswer = ReadonlyMap<string, string>;

/** Arguments of an answer that are read, and the characters of each. */
const MOST_ARGUMENTS = 32, LONGEST_ARGUMENT = 1024;

/** An action that the router has refused. */
export class ActionRefused extends GatewayError {
  /** UPnP's error code. */
  readonly code: number;

  constructor(action: string, { code, text }: ActionError, family: "mapping" | "pinhole") {
    const reason = text === "" ? nameOf(code, family) : text;
    super(
      faultOf(code, family),
      `The router refuses ${action} by UPnP: ${reason === "" ? "" : `${reason}, `}error ${code}`,
    );
    this.code = code;
  }
}

/**
 * Calls an action.
 *
 * @throws {ActionRefused} where the router refuses it.
 * @throws {GatewayError} where it does not answer, or not in the protocol.
 * @throws the signal's reason.
 */
export async function callAction(
  { type, control }: Service,
  action: string,
  values: ActionArguments,
  options: ExchangeOptions,
): Promise<ActionAnswer> {
  const headers = { "Content-Type": 'text/xml; charset="utf-8"', SOAPAction: `"${type}#${action}"` };
  const body = encodeCall(type, action, values);
  const response = await exchange({ target: control, method: "POST", headers, body }, options);
  const answer = decodeAnswer(response.status, new TextDecoder().decode(response.body), action);
  if (!("code" in answer)) return answer;
  throw new ActionRefused(action, answer, type.includes(":WANIPv6") ? "pinhole" : "mapping");
}

/** The body of a call. */
export function encodeCall(type: string, action: string, values: ActionArguments): string {
  const fields = Object.entries(values).map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`);
  return '<?xml version="1.0"?>\r\n' +
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${type}">${fields.join("")}</u:${action}></s:Body></s:Envelope>\r\n`;
}

/** `UPnPError` of a fault. */
export interface ActionError {
  readonly code: number;
  /** At most 100 characters, without controls. */
  readonly text: string;
}

/**
 * Reads what comes back. Total.
 *
 * @returns the answer's values, or the error that the router names.
 * @throws {GatewayError} `failed` where it is neither.
 */
export function decodeAnswer(status: number, text: string, action: string): ActionAnswer | ActionError {
  const body = bodyOf(text, status);
  const fault = child(body, "Fault");
  if (fault !== undefined) return readError(fault, status);
  const answer = child(body, `${action}Response`);
  if (status !== 200 || answer === undefined) throw unreadable(`no answer to ${action} is in it`, status);
  const fields = answer.children.slice(0, MOST_ARGUMENTS);
  return new Map(fields.map(({ name, text }) => [name, text.slice(0, LONGEST_ARGUMENT)]));
}

function bodyOf(text: string, status: number): XmlElement | undefined {
  try {
    const root = parseXml(text);
    return root.name === "Envelope" ? child(root, "Body") : undefined;
  } catch (error) {
    if (!(error instanceof GatewayError) || status === 200) throw error;
    throw unreadable("it says no reason", status, error); // as routers do with a page for people
  }
}

function readError(fault: XmlElement, status: number): ActionError {
  const error = child(child(fault, "detail"), "UPnPError");
  const code = child(error, "errorCode")?.text ?? "";
  if (!/^\d{1,5}$/.test(code)) throw unreadable("its fault has no error code", status);
  const text = child(error, "errorDescription")?.text ?? "";
  return { code: Number(code), text: escapeControls(text.slice(0, 100)).slice(0, 100) };
}

function unreadable(why: string, status: number, cause?: unknown): GatewayError {
  return new GatewayError("failed", `Cannot read the router's UPnP answer (HTTP status ${status}): ${why}`, { cause });
}

/** What the errors of one kind of service are called, and which fault they are. */
type ErrorTable = Readonly<Record<number, readonly [GatewayFault, string]>>;

/** Of every service: UPnP Device Architecture 2.0 section 3.2.5; 606 is of Device Protection. */
const COMMON_ERRORS: ErrorTable = {
  401: ["unsupported", "InvalidAction"],
  402: ["failed", "InvalidArgs"],
  501: ["no_resources", "ActionFailed"],
  602: ["unsupported", "OptionalActionNotImplemented"],
  603: ["no_resources", "OutOfMemory"],
  606: ["not_authorized", "ActionNotAuthorized"],
};

/** WANIPConnection:2 section 2.5, with those of :1 that :2 has dropped. */
const MAPPING_ERRORS: ErrorTable = {
  714: ["failed", "NoSuchEntryInArray"],
  715: ["unsupported", "WildCardNotPermittedInSrcIP"],
  716: ["unsupported", "WildCardNotPermittedInExtPort"],
  718: ["port_taken", "ConflictInMappingEntry"],
  724: ["port_taken", "SamePortValuesRequired"],
  725: ["unsupported", "OnlyPermanentLeasesSupported"],
  726: ["unsupported", "RemoteHostOnlySupportsWildcard"],
  727: ["unsupported", "ExternalPortOnlySupportsWildcard"],
  728: ["no_resources", "NoPortMapsAvailable"],
  729: ["port_taken", "ConflictWithOtherMechanisms"],
  732: ["unsupported", "WildCardNotPermittedInIntPort"],
};

/** WANIPv6FirewallControl:1 section 2.5. */
const PINHOLE_ERRORS: ErrorTable = {
  701: ["no_resources", "PinholeSpaceExhausted"],
  702: ["failed", "FirewallDisabled"],
  703: ["not_authorized", "InboundPinholeNotAllowed"],
  704: ["failed", "NoSuchEntry"],
  705: ["unsupported", "ProtocolNotSupported"],
  706: ["unsupported", "InternalPortWildcardingNotAllowed"],
  707: ["unsupported", "ProtocolWildcardingNotAllowed"],
  708: ["unsupported", "WildCardNotPermittedInSrcIP"],
  709: ["failed", "NoTrafficReceived"],
};

function entryOf(code: number, family: "mapping" | "pinhole"): readonly [GatewayFault, string] {
  return (family === "mapping" ? MAPPING_ERRORS : PINHOLE_ERRORS)[code] ?? COMMON_ERRORS[code] ?? ["failed", ""];
}

function faultOf(code: number, family: "mapping" | "pinhole"): GatewayFault {
  return entryOf(code, family)[0];
}

function nameOf(code: number, family: "mapping" | "pinhole"): string {
  return entryOf(code, family)[1];
}
