/** The shape of the answer to a check of a port. docs/api.md describes the members. */
import { FAMILIES } from "../gateway/gateway.ts";
import {
  type ExternalAddress,
  type LayerResult,
  LAYERS,
  ORIGINS,
  REACH_VERDICTS,
  type ReachReport,
  RESULTS,
} from "../reach/reach.ts";
import { listOf, LONG_TEXT, nullable, object, oneOf, PORT, PROTOCOL, type Shape, text } from "./shape.ts";

const LAYER = oneOf(...LAYERS);

/** `POST /ports/{port}/check`. */
export const REACH_REPORT: Shape<ReachReport> = object<ReachReport>({
  port: PORT,
  protocol: PROTOCOL,
  family: oneOf(...FAMILIES),
  from: oneOf(...ORIGINS),
  layers: listOf(
    object<LayerResult>({ layer: LAYER, result: oneOf(...RESULTS), reason: LONG_TEXT, next: nullable(LONG_TEXT) }),
    LAYERS.length,
  ),
  verdict: oneOf(...REACH_VERDICTS),
  broken: nullable(LAYER),
  external: object<ExternalAddress>({ address: nullable(text(200)), port: PORT }),
});
