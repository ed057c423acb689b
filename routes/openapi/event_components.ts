/** The data of the events on the stream, each form with a name in the document. */
import { EVENTS } from "../../src/client/answer_shapes.ts";
import { type AnyShape, object, oneOf } from "../../src/client/shape.ts";
import type { Component } from "./operation.ts";

/** Forms of data, each with one of the events that have it. */
const FORMS: Readonly<Record<string, { readonly like: string; readonly is: string }>> = {
  LeaseEvent: { like: "lease.granted", is: "Something happened to a lease; `lease` is as it was right after" },
  ListenerEvent: {
    like: "listener.opened",
    is: "A socket begins to listen on a leased port, or is seen there no more",
  },
  RuleEvent: { like: "rule.added", is: "A rule of the firewall was set, or was changed by hand" },
  RuleRemovedEvent: { like: "rule.removed", is: "A rule of the firewall was removed" },
  RuleFailedEvent: { like: "rule.failed", is: "The rules of the firewall cannot be set" },
  MappingEvent: { like: "mapping.made", is: "A mapping was made, renewed, lost or removed, or cannot be made" },
  LineEvent: { like: "line.changed", is: "The line's verdict, or its ports, have changed" },
};

const RESET = object<{ readonly type: "reset" }>({ type: oneOf("reset") });
const FORM_SHAPES = Object.entries(FORMS).map(([name, { like }]) => [name, formLike(like)] as const);

/** What `data` of an event has. */
export const EVENT: Pick<AnyShape, "schema"> = {
  schema: { oneOf: [...FORM_SHAPES.map(([, { schema }]) => schema), RESET.schema] },
};

/** By name. */
export const EVENT_COMPONENTS: Readonly<Record<string, Component>> = {
  Event: { schema: EVENT, is: "The `data` of an event on the stream, by its `type`" },
  ...Object.fromEntries(FORM_SHAPES.map(([name, schema]) => [name, { schema, is: FORMS[name]!.is }])),
  ResetEvent: { schema: RESET, is: "Some events are lost: read the leases again" },
};

/** The shape of an event, with the types of all events that have this shape. */
function formLike(type: string): Pick<AnyShape, "schema"> {
  const shape = EVENTS.get(type)!;
  const types = [...EVENTS].filter(([, each]) => each === shape).map(([each]) => each);
  const { properties, required } = shape.schema as { readonly properties: object; readonly required: string[] };
  const schema = {
    type: "object",
    properties: { type: { enum: types }, ...properties },
    required: ["type", ...required],
  };
  return { schema };
}
