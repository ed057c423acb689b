/**
 * How a daemon proves that it knows the token, before the token is sent to it: it answers a nonce with
 * HMAC-SHA256(token, "portd-proof-1\n" address "\n" nonce). The address is the one that the client connects to, as
 * `host:port`: whoever passes the nonce on to a daemon at another address gets a proof for that one.
 */

/** What a proof is about. */
export interface ProofSubject {
  /** The content of `admin.token`. */
  readonly token: string;
  /** `host:port` in lower case, as the Host header has it. */
  readonly address: string;
  /** 64 hexadecimal digits that the client has made for this one question. */
  readonly nonce: string;
}

/** A question to a peer. */
export interface Challenge {
  /** The path with the query, from the root of the server. */
  readonly path: string;
  /** Whether a body, the text of the answer, proves that the peer knows the token. */
  isProvenBy(body: string): Promise<boolean>;
}

/** No proof is longer, in characters; a peer that is not portd may send without end. */
const LONGEST_BODY = 1024;
const NONCE_BYTES = 32;

/** The proof as 64 hexadecimal digits. */
export async function proofOf({ token, address, nonce }: ProofSubject): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(token), algorithm, false, ["sign"]);
  const text = encoder.encode(`portd-proof-1\n${address}\n${nonce}`);
  return toHex(new Uint8Array(await crypto.subtle.sign("HMAC", key, text)));
}

/** A new question to whoever listens at an address, `host:port`. */
export function challenge(token: string, host: string): Challenge {
  const nonce = toHex(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  return {
    path: `/v1/proof?nonce=${nonce}`,
    async isProvenBy(body) {
      return proofIn(body) === await proofOf({ token, address: host.toLowerCase(), nonce });
    },
  };
}

/** The body of an answer as text, as far as a proof can reach. */
export async function readProof(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > LONGEST_BODY) break;
  }
  return text;
}

function proofIn(body: string): unknown {
  try {
    return (JSON.parse(body) as { readonly proof?: unknown } | null)?.proof;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // another program's answer
    throw error;
  }
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
