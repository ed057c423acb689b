/** Finding in an OpenAPI document which call a request is. */

/** A part of a document that is a schema. */
export interface Schema {
  readonly type?: string;
  readonly discriminator?: { readonly propertyName: string; readonly mapping: Readonly<Record<string, string>> };
}

/** A described answer, or a reference to one. */
export interface DescribedResponse {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** A described call. */
export interface DescribedOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, DescribedResponse>>;
}

/** As much of a document as is read here. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, DescribedResponse>>;
    readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
  };
}

/** The call; `undefined` where there is none. `HEAD` is the same call as `GET`. @param path is decoded. */
export function findOperation({ paths }: OpenApi, method: string, path: string): DescribedOperation | undefined {
  const word = method === "HEAD" ? "get" : method.toLowerCase();
  const matching = Object.keys(paths).filter((template) => matches(template, path) && paths[template]![word]);
  const [best] = matching.sort((a, b) => parametersOf(a) - parametersOf(b));
  return best === undefined ? undefined : paths[best]![word];
}

function matches(template: string, path: string): boolean {
  const parts = template.split("/"), given = path.split("/");
  return parts.length === given.length &&
    parts.every((part, i) => part.startsWith("{") ? given[i] !== "" : part === given[i]);
}

function parametersOf(template: string): number {
  return template.split("{").length;
}
